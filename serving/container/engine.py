"""Docker or Podman, whichever is available: calls to it, and its errors in one line."""

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

from core.errors import FanoutError, UserError

ENGINES = ("docker", "podman")
CALL_SECONDS = 60.0
_INFO_SECONDS = 15.0


class EngineFailed(FanoutError):
    """A container engine refused; the message is the last line that it printed."""


@dataclass(frozen=True)
class Engine:
    """A container engine on this machine.

    Attributes:
        name: ``docker`` or ``podman``.
        program: the path of its executable.
    """

    name: str
    program: str

    def call(
        self,
        *arguments: str,
        timeout: float = CALL_SECONDS,
        merged: bool = False,
        ignore_failure: bool = False,
    ) -> str:
        """Returns what a command printed. Raises EngineFailed when it failed or took too long.

        Args:
            arguments: of the engine's command line.
            timeout: in seconds.
            merged: whether standard error is returned as well.
            ignore_failure: whether the command may fail.
        """
        try:
            done = subprocess.run(
                [self.program, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineFailed(
                f"{self.name} {arguments[0]} took longer than {timeout:g} s"
            ) from error
        if done.returncode and not ignore_failure:
            words = done.stdout if merged else done.stderr
            raise EngineFailed(f"{self.name} {arguments[0]}: {_last_line(words)}")
        return done.stdout.strip()

    def has_image(self, image: str) -> bool:
        """Returns whether the engine has an image of that name."""
        return bool(self.image_id(image))

    def image_id(self, image: str) -> str:
        """Returns the digest of an image's configuration; ``""`` when there is no such image."""
        try:
            digest = self.call("image", "inspect", "--format={{.Id}}", image)
        except EngineFailed:
            return ""
        return digest if digest.startswith("sha256:") else f"sha256:{digest}"


@cache
def find(name: str) -> Engine:
    """Returns an engine that answers.

    Raises:
        UserError: it is not installed, or does not answer, such as Docker without its daemon.
    """
    program = shutil.which(name)
    if program is None:
        raise UserError(f"{name} is not installed")
    engine = Engine(name, program)
    try:
        engine.call("info", timeout=_INFO_SECONDS)
    except EngineFailed as error:
        raise UserError(f"{name} is installed but cannot be used: {error}") from error
    return engine


def available() -> list[Engine]:
    """Returns the engines that answer on this machine, Docker first."""
    engines = []
    for name in ENGINES:
        try:
            engines.append(find(name))
        except UserError:
            continue
    return engines


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "level=warning" not in line]
    return lines[-1].removeprefix("Error: ")[:400] if lines else "it failed without a message"
