"""A warm process that runs commands, and a build folder with releases for it to work on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.toolchain import ROOT
from pipeline.settings.config import Config
from tests.faults import workshop


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, minus the signal; what it said; what it changed."""

    code: int
    said: str
    calls: list[dict[str, str]]


class Worker:
    """A warm process that runs commands, each in a fork of its own.

    Args:
        builds: the folder with the build folders that commands work on.
        said: the file for what they say.
        environment: of the commands, beside that of this process.
    """

    def __init__(self, builds: Path, said: Path, environment: Mapping[str, str]) -> None:
        self.builds, self._said = builds, said
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.faults.workshop"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        )

    def run(self, *command: str, harm: str = "none", at: int = 0) -> Outcome:
        """Runs a command to its end, or to the fault's."""
        job = {
            "builds": str(self.builds),
            "command": command,
            "said": str(self._said),
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
        self._process.wait(120)


class Campaign(Worker):
    """A build folder that every fault finds as the first one found it.

    In it: releases 1 to 5, of which 1 and then 2 were promoted; a check of release 4 failed. What
    commands say goes to the file ``said``, below ``folder`` unless another is given.
    """

    def __init__(self, folder: Path, said: Path | None = None) -> None:
        environment = {"MODEL": "fashion", "PROFILE": "quick"}
        super().__init__(folder / "builds", said or folder / "said", environment)
        self._kept = folder / "kept"
        self._make()

    @property
    def config(self) -> Config:
        return workshop.configuration(self.builds)

    @property
    def releases(self) -> Path:
        return self.config.build.releases

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

    def harm(self, file: Path, content: bytes) -> None:
        """Gives a file other contents; its inode is shared with the kept folder."""
        file.unlink()
        file.write_bytes(content)

    def true_status(self) -> dict[str, Any]:
        """Returns what ``fanout status`` says, held to the one thing that may be wrong.

        The server's file and the link ``current`` are switched one after the other: what is killed
        between them leaves two whole releases, and status says which is where.
        """
        code, found = self.status()
        behind = found["deployed"].get("stable", found["current"]) != found["current"]
        said = [f"release {found['deployed'].get('stable')} is deployed and release"] * behind
        assert [
            problem[: len(words)] for problem, words in zip(found["problems"], said, strict=False)
        ] == said
        assert len(found["problems"]) == len(said) and code == len(said), found["problems"]
        assert found["damage"] == []
        return found
