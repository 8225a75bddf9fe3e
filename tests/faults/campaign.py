"""A warm process that runs commands, and a build folder with releases for these commands."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.toolchain import ROOT
from pipeline.settings.config import Config
from tests.faults import workshop


@dataclass(frozen=True)
class Outcome:
    """The end of a command.

    Attributes:
        code: its exit code; minus the signal's number if a signal killed it.
        said: its output.
        calls: the calls with which it changed the disk.
    """

    code: int
    said: str
    calls: list[dict[str, str]]


class Worker:
    """A warm process that runs commands, each in its own fork.

    Args:
        builds: the folder with the build folders that commands work on.
        said: the file for their output.
        environment: the commands' variables, in addition to those of this process.
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
        """Runs a command until it ends or the fault ends it."""
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
        """Returns the exit code of ``fanout status`` and its JSON."""
        done = self.run("status", "--json")
        status: dict[str, Any] = json.loads(done.said)
        return done.code, status

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(120)


class Campaign(Worker):
    """A build folder that is in the same state before every fault.

    It holds releases 1 to 5. Release 1 and then release 2 were promoted; a check of release 4
    failed. The commands' output goes to the file ``said``, below ``folder`` unless another file is
    given.
    """

    def __init__(self, folder: Path, said: Path | None = None) -> None:
        # Without a PATH there is no container engine, which would be asked for images each time.
        environment = {"MODEL": "fashion", "PROFILE": "quick", "PATH": ""}
        super().__init__(folder / "builds", said or folder / "said", environment)
        self._kept = folder / "kept"
        self._make()

    @cached_property
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
        """Puts the build folder back into its first state."""
        shutil.rmtree(self.builds, ignore_errors=True)
        # Hard links suffice: no file of a release is ever written in place.
        shutil.copytree(self._kept, self.builds, symlinks=True, copy_function=os.link)

    def harm(self, file: Path, content: bytes) -> None:
        """Gives a file other contents, in a new inode: the kept folder shares the old one."""
        file.unlink()
        file.write_bytes(content)

    def true_status(self) -> dict[str, Any]:
        """Returns the JSON of ``fanout status``; asserts that it reports only what may be wrong.

        The server's file and the link ``current`` are switched one after the other. A kill between
        the two leaves two whole releases in use, and status reports which is where.
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
