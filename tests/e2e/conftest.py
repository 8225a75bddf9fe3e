"""One quick deployment, shared by the end-to-end tests, in a build folder of their own."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.toolchain import ROOT
from serving.embedded import free_ports
from tests import warm
from tests.warm import Job, Warm

FANOUT = ROOT / ".venv" / "bin" / "fanout"


@dataclass(frozen=True)
class Place:
    """A build folder with ports of its own.

    Attributes:
        builds: what FANOUT_BUILD is.
        environment: of every command that works on it.
        warm: runs the commands.
        model: which one is deployed there.
    """

    builds: Path
    environment: dict[str, str]
    warm: Warm
    model: str = "fashion"

    @property
    def build(self) -> Path:
        return self.builds / f"{self.model}-quick"

    @property
    def current(self) -> Path:
        return self.build / "releases" / "current"

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.current / "manifest.json").read_text())
        return found

    def port(self, name: str) -> int:
        return int(self.environment[name])

    def program(self, *arguments: str) -> None:
        """Runs a verb as people do: in a new process, to its end."""
        subprocess.run(
            [FANOUT, *arguments],
            check=True,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            timeout=3600,
        )

    def fanout(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs a verb to its end and holds it to an exit code."""
        return self._finish(warm.fanout(*arguments), expect)

    def python(self, code: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs code in the pipeline's environment: what no command line option offers."""
        return self._finish(warm.code(code), expect)

    def _finish(self, job: Job, expect: int) -> subprocess.CompletedProcess[str]:
        done = self.warm.run(job, self.environment)
        assert done.returncode == expect, f"{job}\n{done.stdout}\n{done.stderr}"
        return done


def new_place(builds: Path, warm: Warm, model: str = "fashion") -> Place:
    """Returns a place in an empty folder."""
    # The dataset is the one thing that every build may share; it is checked by its digest.
    (builds / "datasets").symlink_to(ROOT / "build" / "datasets")
    ports = dict(zip(("GRPC_PORT", "REST_PORT", "WEB_PORT"), map(str, free_ports(3)), strict=True))
    environment = {
        **os.environ,
        **ports,
        "FANOUT_BUILD": str(builds),
        "MODEL": model,
        "PROFILE": "quick",
        # Containers have tests of their own; here their start would cost time and show nothing.
        "ENGINE": "embedded",
        "REQUEST_LOG_RATE": "1",
    }
    return Place(builds, environment, warm, model)


@pytest.fixture(scope="session")
def make_place(warm: Warm) -> Callable[..., Place]:
    """Returns the maker of places: importing a conftest module is not for tests."""
    return lambda builds, model: new_place(builds, warm, model)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Iterator[Place]:
    """Yields a place with a quick release, served; its servers end with the tests."""
    (ROOT / "build" / "datasets").mkdir(parents=True, exist_ok=True)
    place = new_place(tmp_path_factory.mktemp("builds"), warm)
    place.program("deploy")
    yield place
    place.fanout("stop")
