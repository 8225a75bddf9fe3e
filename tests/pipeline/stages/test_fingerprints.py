"""The fingerprints cover everything that a release is made of, and nothing else."""

import ast
import re

import pytest

from core import fingerprint
from core.toolchain import ROOT
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import _RELEASE_FILES, LEFT_OUT, Fingerprints, entries
from pipeline.targets import TARGETS

# Steps of a run around the release; none of them affects its contents.
AROUND = {
    "pipeline.commands.run": "the order of the steps",
    "pipeline.deployment": "the deployment of a finished release",
    "pipeline.release.signing": "the signature of a finished release",
    "core.imports": "the garbage collector",
    "pipeline.stages.in_process": "how soon Beam begins and ends",
    "pipeline.stages.data": "when the splits are written; pipeline.stages.tfrecords writes them",
    "serving.container": "the container of the server that a release is promoted into",
    "serving.client.versions": "the requests for that server's versions",
}
MODELS = ("diamonds", "fashion", "motions", "nuclei", "penguins")


def reached(model: str) -> dict[str, set[str]]:
    """Returns the modules behind each stage's fingerprint."""
    spec = Config.from_environment(model, "quick").spec
    return {stage: fingerprint.closure(*begin, without=LEFT_OUT) for stage, begin in entries(spec)}


def test_every_module_that_a_run_reaches_is_in_a_fingerprint() -> None:
    covered = set().union(*reached("fashion").values())
    unknown = {
        module
        for module in fingerprint.closure("pipeline.commands.run")
        if not fingerprint.is_within(module, {*covered, *LEFT_OUT, *AROUND})
    }
    assert unknown == set()


@pytest.mark.parametrize("model", MODELS)
def test_every_module_of_a_model_is_in_a_fingerprint(model: str) -> None:
    covered = set().union(*reached(model).values())
    files = (ROOT / "models" / model).glob("[a-z]*.py")
    modules = {f"models.{model}.{file.stem}" for file in files} - {f"models.{model}.spec"}
    assert modules <= covered, "spec counts by its values"


def test_modules_that_tfx_is_given_by_name_are_in_a_fingerprint() -> None:
    covered = set().union(*reached("fashion").values())
    text = (ROOT / "pipeline" / "stages" / "dag.py").read_text()
    named = set(re.findall(r'"(pipeline\.[a-z_.]+)\.[a-z_]+"', text))
    # A search ships nothing: the values that it finds become part of the profile.
    assert named - {"pipeline.training.search"} <= covered


def test_no_module_behind_a_fingerprint_prints_to_the_terminal() -> None:
    """A reworded progress line must not cause another training run or another release."""
    for stage, modules in reached("fashion").items():
        speaking = {m for m in modules if "core.console" in fingerprint._imports(m)}
        assert speaking == set(), stage


def test_files_that_are_not_modules_are_in_a_fingerprint() -> None:
    """This test must know every module that reads a file next to it."""
    readers = {
        module
        for module in set().union(*reached("fashion").values())
        if (file := fingerprint.file_of(module))
        and any(isinstance(node, ast.Name) and node.id == "__file__"
                for node in ast.walk(ast.parse(file.read_text())))
    }  # fmt: skip
    known = {
        "core.toolchain",  # the project's folder
        "models.places",  # the folder of the models
        "pipeline.html.document",  # the style sheet
        "mobile.checks.latency",  # runner.py, which is in TARGETS
        "mobile.checks.runtimes",  # the same file
    }
    assert readers <= known
    assert ROOT / "pipeline" / "html" / "style.css" in _RELEASE_FILES
    assert "mobile.checks.runner" in TARGETS["mobile"].runs


def test_settings_reach_only_what_they_concern() -> None:
    default = Fingerprints.of(Config.from_environment("fashion", "default"))
    quick = Fingerprints.of(Config.from_environment("fashion", "quick"))
    assert default.whole() != quick.whole()
    assert default.trainer != quick.trainer
    assert default.convert == quick.convert
    assert default.transform == quick.transform


def changed(module: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Returns the fingerprints that change when a module's code changes."""
    config = Config.from_environment("fashion", "quick")
    before = vars(Fingerprints.of(config))
    file = fingerprint.file_of(module)
    meaning = fingerprint._meaning
    monkeypatch.setattr(
        fingerprint, "_meaning",
        lambda one, at: b"changed" if one == file else meaning(one, at),
    )  # fmt: skip
    after = vars(Fingerprints.of(config))
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("serving.examples", {"release"}),
        ("pipeline.report.quality", {"release"}),
        ("pipeline.stages.promoted_model", {"release"}),
        ("pipeline.stages.scores", {"evaluator", "release"}),
        ("web.site.stamp", {"convert", "check", "release"}),
        ("pipeline.stages.tfrecords", {"data"}),
        ("pipeline.training.journal", {"trainer"}),
        ("serving.server.rest.api", {"check"}),
        ("pipeline.training.epoch_lines", set()),
        ("pipeline.stages.component_lines", set()),
        ("core.console", set()),
        ("pipeline.deployment.rollout", set()),
        ("pipeline.settings.config", set()),
    ],
)
def test_a_changed_module_reaches_exactly_what_it_concerns(
    module: str, stages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(module, monkeypatch) == stages
