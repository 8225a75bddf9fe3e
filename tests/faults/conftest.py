"""A build folder with releases, and a warm process that runs commands on copies of it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.toolchain import ROOT
from tests.faults import workshop

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory: a sync costs nothing there
NEEDED_BYTES = 64 << 20


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, minus the signal; what it said; what it changed."""

    code: int
    said: str
    calls: list[dict[str, str]]


class Campaign:
    """A build folder that every fault finds as the first one found it.

    In it: releases 1 to 5, of which 1 and then 2 were promoted; a check of release 4 failed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.builds, self._kept = folder / "builds", folder / "kept"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.faults.workshop"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._make()

    @property
    def config(self) -> Config:
        return workshop.configuration(self.builds)

    @property
    def releases(self) -> Path:
        return self.config.releases

    @property
    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.releases.glob(".*"))

    def _make(self) -> None:
        workshop.make_artifacts(self.builds)
        for command in (
            *("assemble", "assemble", "assemble", "assemble-refused", "assemble"),
            *("promote 1", "promote 2"),
        ):
            done = self.run(*command.split())
            assert done.code == 0, done.said
        self.builds.rename(self._kept)
        self.reset()

    def reset(self) -> None:
        """Puts the build folder back to what it was at first."""
        shutil.rmtree(self.builds, ignore_errors=True)
        # Hard links: nothing of a release is ever written in place.
        shutil.copytree(self._kept, self.builds, symlinks=True, copy_function=os.link)

    def run(self, *command: str, harm: str = "none", at: int = 0) -> Outcome:
        """Runs a command to its end, or to the fault's."""
        job = {
            "builds": str(self.builds),
            "command": command,
            "said": str(self.folder / "said"),
            "harm": harm,
            "at": at,
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))

    def status(self) -> tuple[int, dict[str, Any]]:
        """Returns the exit code of ``fanout status`` and what it says."""
        done = self.run("status", "--json")
        found: dict[str, Any] = json.loads(done.said)
        return done.code, found

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture(scope="session")
def _campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED_BYTES
    with tempfile.TemporaryDirectory(dir=MEMORY if in_memory else None) as folder:
        made = Campaign(Path(folder))
        yield made
        made.close()


@pytest.fixture
def campaign(_campaign: Campaign) -> Campaign:
    """Returns the campaign with its folder as at first."""
    _campaign.reset()
    return _campaign
