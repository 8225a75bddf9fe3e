"""A copy of the project, for tests that add models to it: other tests list the models' folder."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.toolchain import ROOT
from serving.embedded import free_ports

COPIED = ("core", "mobile", "models", "pipeline", "requirements", "serving", "web")
LINKED = (".venv", ".venv-edge", ".venv-tools", ".venv-web-converter", "web/node_modules")
NOT_COPIED = shutil.ignore_patterns("node_modules", "__pycache__")


@dataclass(frozen=True)
class SecondProject:
    """A copy of the project's code, with the same environments.

    Attributes:
        folder: its root.
        environment: of every command in it.
    """

    folder: Path
    environment: dict[str, str]

    @classmethod
    def at(cls, folder: Path) -> "SecondProject":
        """Returns a copy in a folder that does not exist yet."""
        folder.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        shutil.copy2(ROOT / "pyproject.toml", folder)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        ports = zip(("GRPC_PORT", "REST_PORT", "WEB_PORT"), map(str, free_ports(3)), strict=True)
        own = {"PYTHONPATH": str(folder), "ENGINE": "embedded", "PROFILE": "quick"}
        return cls(folder, {**os.environ, **own, **dict(ports)})

    def run(self, *arguments: str, model: str) -> subprocess.CompletedProcess[str]:
        """Runs a verb for a model in a new process, whatever its exit code."""
        return subprocess.run(
            [sys.executable, "-m", "pipeline.commands.cli", *arguments],
            check=False,
            cwd=self.folder,
            env={**self.environment, "MODEL": model},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=1800,
        )

    def fanout(
        self, *arguments: str, model: str, expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Does the same and holds the command to an exit code."""
        done = self.run(*arguments, model=model)
        assert done.returncode == expect, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def release(self, model: str) -> Path:
        """Returns the folder of a model's newest release."""
        releases = self.folder / "build" / f"{model}-quick" / "releases"
        return max(releases.glob("[0-9]*"), key=lambda path: int(path.name))
