"""What a changed line of code costs: real runs of the project with one word of a file changed."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.toolchain import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

# The resolver has no cache. It trains and converts nothing.
NOT_CACHED = {"PromotedModel"}
# The file with the change is seen by one command alone: others run from the same files.
MOUNTED = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
Run = Callable[[str, str, str], str]


@pytest.fixture
def run_with(tmp_path: Path, deployed: Any) -> Iterator[Run]:
    """Yields what runs ``fanout run`` with a word of a file changed, and returns what it said.

    The build folder is the deployment's; at the end it is as it was before.
    """
    flags = "-m" if os.geteuid() == 0 else "-rm"
    probe = ["unshare", flags, "mount", "-t", "tmpfs", "tmpfs", tmp_path]
    tried = subprocess.run(probe, check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"private mounts are not possible here: {' '.join(tried.stderr.split())}")
    version = deployed.manifest["version"]
    releases = deployed.build / "releases"
    known = {path.name for path in releases.iterdir()}

    def run(file: str, before: str, after: str) -> str:
        text = (ROOT / file).read_text()
        assert before in text, f"{file} does not say {before!r} any more"
        changed = tmp_path / Path(file).name
        changed.write_text(text.replace(before, after, 1))
        command = [ROOT / ".venv/bin/python", "-m", "pipeline.commands.cli", "run"]
        done = subprocess.run(
            ["unshare", flags, "sh", "-c", MOUNTED, "sh", changed, ROOT / file, *command],
            check=False,
            cwd=ROOT,
            env={**deployed.environment, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    yield run
    if deployed.manifest["version"] != version:
        deployed.fanout("promote", str(version))
    for path in releases.iterdir():
        if path.name not in known:
            shutil.rmtree(path)


def test_a_text_beside_the_model_makes_a_release_and_nothing_anew(
    deployed: Any, run_with: Run
) -> None:
    before = deployed.manifest
    said = run_with("serving/examples.py", "for predictions: sh", "for answers: sh")
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
    said = run_with("pipeline/training/epoch_lines.py", "held-out {name}", "unseen {name}")
    assert f"release {version} is current" in said
    assert "✓" not in said
    said = run_with("pipeline/stages/component_lines.py", "nothing changed", "as before")
    assert f"release {version} is current" in said
    assert deployed.manifest["version"] == version
