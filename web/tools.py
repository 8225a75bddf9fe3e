"""Runs the tools of other environments: the graph model converter and Node.js."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import FanoutError
from core.toolchain import WEB


class ConversionError(FanoutError):
    """A tool of the web target failed; the message ends with the tool's last lines of output."""


def run(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str], *, seconds: float
) -> None:
    """Runs a command in the folder web/, with variables added to this process's environment.

    Args:
        name: the tool's name in messages.

    Raises:
        ConversionError: the command failed, or took longer than ``seconds``.
    """
    try:
        process = subprocess.run(
            command,
            cwd=WEB,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{name} took more than {seconds:.0f} s") from error
    if process.returncode:
        output = "\n".join(_without_stack(process.stderr or process.stdout)[-8:])
        raise ConversionError(f"{name} failed with exit code {process.returncode}: {output}")


def _without_stack(output: str) -> list[str]:
    """Returns the lines that are neither empty nor part of a JavaScript stack trace."""
    lines = output.strip().splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("at ")]
