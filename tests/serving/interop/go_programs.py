"""Builds the programs in Go that the server is tested with, in the versions that go.mod pins."""

import os
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
CLIENT = "."
H2SPEC = "github.com/summerwind/h2spec/cmd/h2spec"
BUILD_SECONDS = 600.0


class NotBuilt(Exception):
    """A program can't be built here."""


def missing() -> str:
    """Returns why nothing can be built here; empty if there is Go."""
    if shutil.which("go"):
        return ""
    lines = (FOLDER / "go.mod").read_text().splitlines()
    oldest = next(line.removeprefix("go ") for line in lines if line.startswith("go "))
    return f"Go is not installed: version {oldest} or newer is needed"


def build(package: str, program: Path) -> Path:
    """Builds a package of the module to a file, which is returned. Raises NotBuilt.

    What Go has in its caches is not fetched or compiled again.
    """
    # The files of the module stay as they are, and neither git nor a C compiler is needed.
    command = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", str(program), package]
    try:
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env=os.environ | {"CGO_ENABLED": "0"},
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"`{' '.join(command)}` took more than {BUILD_SECONDS:g} s") from error
    if done.returncode:
        raise NotBuilt(
            f"`{' '.join(command)}` failed in {FOLDER.name}; modules that are not in Go's cache "
            f"are fetched from its module proxy:\n{done.stderr.strip()[-2000:]}"
        )
    return program
