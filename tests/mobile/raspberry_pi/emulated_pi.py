"""A Raspberry Pi's userland without a Raspberry Pi: Debian 12 for arm64, run by QEMU, without root.

Raspberry Pi OS 12 is Debian 12 for arm64. Python, numpy and Pillow come from its packages, as on
the device; tflite-runtime and ai-edge-litert are the aarch64 wheels of the edge environment's lock,
checked by their hashes. QEMU is Debian 13's: LiteRT crashes in that of Debian 12 (7.2).
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.toolchain import ROOT
from models.sources import debian

CACHE = ROOT / "build" / "tests" / "raspberry-pi"
UV = ROOT / ".venv-tools" / "bin" / "uv"
SUITE, EMULATOR_SUITE = "bookworm", "trixie"
RUNTIMES = ("tflite-runtime", "ai-edge-litert")
PACKAGES = ["python3.11", "python3-numpy", "python3-pil"]


@dataclass(frozen=True)
class EmulatedPi:
    """The unpacked userland and the emulator for it."""

    folder: Path

    def python(
        self, *arguments: str | Path, cwd: Path, runtime: str
    ) -> "subprocess.CompletedProcess[str]":
        """Returns what the userland's own Python 3.11, with that runtime, did."""
        return subprocess.run(
            [*self.command(runtime), *map(str, arguments)],
            check=False,
            cwd=cwd,
            env={},
            capture_output=True,
            text=True,
            timeout=3000,
        )

    def command(self, runtime: str) -> list[str]:
        root = self.folder / "arm64"
        libraries = root / "usr/lib/aarch64-linux-gnu"
        environment = {
            "PYTHONHOME": root / "usr",
            "PYTHONPATH": f"{root}/usr/lib/python3/dist-packages:{self.folder}/{runtime}",
            # Debian links the linear algebra libraries at installation, which did not happen here.
            "LD_LIBRARY_PATH": f"{libraries}:{libraries}/blas:{libraries}/lapack",
        }
        variables = [
            word for name, value in environment.items() for word in ("-E", f"{name}={value}")
        ]
        qemu = self.folder / "qemu-aarch64"
        return [str(qemu), "-L", str(root), *variables, str(root / "usr/bin/python3.11")]


def emulated_pi() -> EmulatedPi:
    """Returns the userland, made once and kept in build/; skips, with the reason, without one."""
    if not (CACHE / "made").exists():
        try:
            _make(CACHE)
        except debian.PackageError as error:
            pytest.skip(f"no Debian 12 userland for arm64 can be had here: {error}")
    return EmulatedPi(CACHE)


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    debian.unpack(
        PACKAGES, SUITE, folder / "arm64", work=folder / "apt-arm64", architecture="arm64"
    )
    debian.unpack(["qemu-user"], EMULATOR_SUITE, folder / "qemu", work=folder / "apt")
    # The package holds an emulator for every processor there is.
    shutil.copy2(folder / "qemu/usr/bin/qemu-aarch64", folder / "qemu-aarch64")
    for rest in ("qemu", "apt", "apt-arm64"):
        shutil.rmtree(folder / rest)
    for runtime in RUNTIMES:
        _install_wheel(folder, runtime)
    (folder / "made").touch()


def _install_wheel(folder: Path, runtime: str) -> None:
    lock = (ROOT / "requirements" / "edge.lock").read_text()
    start = lock.index(f"{runtime}==")
    lines = lock[start:].splitlines()
    count = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith(" ")), len(lines))
    requirement = folder / f"{runtime}.lock"
    requirement.write_text("\n".join(lines[:count]) + "\n")
    target = ["--target", folder / runtime, "--python-version", "3.11"]
    # Debian 12 has glibc 2.36.
    platform = ["--python-platform", "aarch64-manylinux_2_36", "--only-binary", ":all:"]
    command = [UV, "pip", "install", *target, *platform, "--no-deps", "--require-hashes"]
    done = subprocess.run(
        [*command, "-r", requirement], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise debian.PackageError(done.stderr.strip().splitlines()[-1])
