"""What a changed line of code costs: real runs of a copy of the project with one word changed."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.fingerprint import PACKAGES
from core.toolchain import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ENVIRONMENTS = (".venv", ".venv-edge", ".venv-web-converter", ".venv-tools", "web/node_modules")
# A release is made of what the components left: nothing may be trained or converted.
NOT_CACHED = {"PromotedModel"}


Run = Callable[[str, str, str], subprocess.CompletedProcess[str]]


@pytest.fixture
def run_with(tmp_path: Path, deployed: Any) -> Iterator[Run]:
    """Yields what runs ``fanout run`` from a copy of the project, after a word of it was changed.

    The build folder is the one of the deployment; what it released is current again at the end.
    """
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in (*PACKAGES, "requirements"):
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    for name in ENVIRONMENTS:
        (project / name).symlink_to(ROOT / name)
    version = deployed.manifest["version"]

    def run(file: str, before: str, after: str) -> subprocess.CompletedProcess[str]:
        text = (project / file).read_text()
        assert before in text, f"{file} does not say {before!r} any more"
        (project / file).write_text(text.replace(before, after, 1))
        return subprocess.run(
            [ROOT / ".venv/bin/python", "-m", "pipeline.commands.cli", "run"],
            cwd=project,
            env={**deployed.environment, "PYTHONPATH": str(project)},
            check=True,
            capture_output=True,
            text=True,
        )

    yield run
    deployed.fanout("promote", str(version))


def test_a_text_beside_the_model_makes_a_release_and_nothing_anew(
    deployed: Any, run_with: Run
) -> None:
    before = deployed.manifest
    # A check that failed in a test before is due again, whatever changed.
    run_with("core/console.py", "highlight=False", "highlight=False")
    said = run_with("serving/examples.py", "for predictions: sh", "for answers: sh").stderr
    lines = [line.split() for line in said.splitlines() if "✓" in line]
    assert {"Trainer", "Convert.serving", "Convert.mobile", "Convert.web"} <= {
        line[1] for line in lines
    }
    anew = {line[1] for line in lines if "nothing changed" not in " ".join(line)}
    assert anew <= NOT_CACHED, said
    manifest = deployed.manifest
    assert manifest["version"] > before["version"]
    script = deployed.current / "serving" / "examples" / "curl.sh"
    assert "for answers: sh" in script.read_text()
    version = f"/{manifest['version']}/"
    digests = {
        name.replace(version, f"/{before['version']}/"): entry["sha256"]
        for name, entry in manifest["files"].items()
    }
    changed = {
        name for name, digest in digests.items() if digest != before["files"][name]["sha256"]
    }
    # All but the script say which release they belong to.
    assert changed == {
        "serving/examples/curl.sh", "contract.json", "golden.json", "report.html",
        "web/contract.json", "web/golden.json", "web/released.json", "web/package.json",
    }  # fmt: skip


def test_a_line_of_progress_makes_nothing(deployed: Any, run_with: Run) -> None:
    version = deployed.manifest["version"]
    said = run_with("pipeline/training/epoch_lines.py", "held-out accuracy", "held out").stderr
    assert f"release {version} is current" in said
    assert "✓" not in said
    said = run_with("pipeline/stages/component_lines.py", "nothing changed", "as before").stderr
    assert f"release {version} is current" in said
    assert deployed.manifest["version"] == version
