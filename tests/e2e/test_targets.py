"""Targets that are left out on purpose, and targets that cannot take a model: whole runs."""

import json
from pathlib import Path

import pytest

from pipeline.stages.lineage import last_run
from tests.models.brought import save
from tests.second_project import SecondProject

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]
MODEL = "small"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SecondProject:
    """A project with a brought model that has no web target."""
    project = SecondProject.at(tmp_path_factory.mktemp("project") / "copy")
    file = save("small", project.folder)
    project.fanout("new", MODEL, "--keras", str(file), model=MODEL)
    edit(project, '        "web": {"float32": CLOSE},\n', "")
    return project


def edit(project: SecondProject, before: str, after: str) -> None:
    spec = project.folder / "models" / MODEL / "spec.py"
    text = spec.read_text()
    assert text.count(before) == 1
    spec.write_text(text.replace(before, after))


def rows(release: Path) -> set[tuple[str, str, str]]:
    manifest = json.loads((release / "manifest.json").read_text())
    return {(row["target"], row["variant"], row["status"]) for row in manifest["checks"]}


def test_a_target_without_limits_is_nowhere(project: SecondProject) -> None:
    said = project.fanout("deploy", model=MODEL)
    try:
        assert "release 1 has no web target, so no page is served" in said.stderr
        assert "http://127.0.0.1:" + project.environment["WEB_PORT"] not in said.stdout
        release = project.release(MODEL)
        assert {target for target, _, _ in rows(release)} == {"serving", "mobile"}
        assert not (release / "web").exists()
        assert "left out in the model&#x27;s spec" in (release / "report.html").read_text()
        state = json.loads(project.fanout("status", "--json", model=MODEL).stdout)
        assert state["problems"] == []
        assert set(state["running"]) == {"server"}
        assert set(state["addresses"]) == {"REST", "gRPC"}
        checked = json.loads(project.fanout("check", "--json", model=MODEL).stdout)
        assert {row["target"] for row in checked} == {"serving", "mobile"}
    finally:
        project.fanout("stop", model=MODEL)


def test_all_targets_are_tried_and_all_reasons_are_told(project: SecondProject) -> None:
    # A variant that does not exist stands for any reason that a conversion can have.
    edit(project, '            "float32": CLOSE,\n', '            "float8": CLOSE,\n')
    edit(project, '        "serving": {', '        "web": {"float9": CLOSE},\n        "serving": {')
    said = " ".join(project.fanout("run", model=MODEL, expect=1).stderr.split())
    table, _, error = said.partition("error: gate Promotion: release 2: ")
    for told in (table, error):
        assert "unknown mobile variant 'float8'; there are: float32, " in told
        assert "unknown form of web weights: float9; known: float32, " in told
    release = project.release(MODEL)
    assert rows(release) >= {
        ("serving", "float32", "passed"),
        ("mobile", "float8", "failed"),
        ("web", "float9", "failed"),
    }
    report = (release / "report.html").read_text()
    assert "unknown mobile variant" in report
    assert "unknown form of web weights" in report
    build = project.folder / "build" / f"{MODEL}-quick"
    assert (build / "releases" / "current").readlink().name == "1"


def test_a_conversion_that_failed_is_tried_again(project: SecondProject) -> None:
    project.fanout("run", model=MODEL, expect=1)
    build = project.folder / "build" / f"{MODEL}-quick"
    steps = last_run(build / "metadata.sqlite").steps
    again = {name for name, step in steps.items() if not step.cached and "." in name}
    assert {"Convert.mobile", "Convert.web", "Check.mobile", "Check.web"} <= again
    assert not {"Convert.serving", "Check.serving"} & again
