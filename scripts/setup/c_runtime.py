"""A private C runtime for the pipeline's interpreter, on distributions older than its wheels.

ml-metadata 1.21 and tensorflow-data-validation 1.21 are built against glibc 2.39. On Debian 12
(2.36) and Ubuntu 22.04 (2.35), the next release's libc6, libstdc++6 and libgcc-s1 are unpacked
beside the interpreter. Only that interpreter is pointed at them.
"""

import platform
import shutil
import sysconfig
from pathlib import Path

from models.sources import debian
from scripts.setup.steps import ROOT, Log, StepFailed

NEEDED = (2, 39)
# Part of the environment's stamp: raise it when existing environments must be recreated.
RECIPE = "1"
_NEXT_SUITE = {"debian": "trixie", "ubuntu": "noble"}
_PACKAGES = ["libc6", "libstdc++6", "libgcc-s1"]


def is_needed() -> bool:
    name, version = platform.libc_ver()
    if name != "glibc":
        return False
    return tuple(int(part) for part in version.split(".")[:2]) < NEEDED


def install(venv: Path, patchelf: Path, log: Log) -> None:
    """Unpacks the runtime into the environment and points its interpreter at it."""
    runtime = venv / "c-runtime"
    try:
        suite = _NEXT_SUITE[debian.Distribution.here().name]
        unpacked = ROOT / "build" / "setup" / "c-runtime"
        shutil.rmtree(unpacked, ignore_errors=True)
        debian.unpack(_PACKAGES, suite, unpacked, work=ROOT / "build" / "setup" / f"apt-{suite}")
    except debian.PackageError as error:
        raise StepFailed(
            f"this machine's glibc is {platform.libc_ver()[1]}, older than the "
            f"{NEEDED[0]}.{NEEDED[1]} that TFX's wheels need, and a newer one could not "
            f"be fetched: {error}"
        ) from error
    runtime.mkdir(parents=True, exist_ok=True)
    for library in _libraries(unpacked):
        shutil.copy2(library, runtime / library.name)
    shutil.rmtree(unpacked)
    _point(venv, runtime, patchelf, log)


def _libraries(unpacked: Path) -> list[Path]:
    return [
        file
        for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
        for file in sorted((unpacked / folder).glob("*.so*"))
        if file.is_file()
    ]


def _point(venv: Path, runtime: Path, patchelf: Path, log: Log) -> None:
    python_library = sysconfig.get_config_var("LIBDIR")
    rpath = f"{runtime}:{python_library}:/usr/lib/x86_64-linux-gnu"
    for name in ("python", "python3", "python3.11"):
        interpreter = venv / "bin" / name
        if interpreter.is_symlink() or not interpreter.exists():
            continue
        # patchelf writes in place. A patched copy that is renamed is never seen half written.
        partial = interpreter.with_name(name + ".partial")
        shutil.copy2(interpreter, partial)
        log.run(
            [patchelf]
            + ["--set-interpreter", runtime / "ld-linux-x86-64.so.2"]
            + ["--force-rpath", "--set-rpath", rpath]
            # Without this option, TensorFlow loads the host's libstdc++ first, and ml-metadata
            # then does not find CXXABI_1.3.15.
            + ["--add-needed", "libstdc++.so.6", partial]
        )
        partial.replace(interpreter)
