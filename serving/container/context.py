"""The build context of the server's image: the locked libraries and the server's modules."""

import os
import shutil
import subprocess
from pathlib import Path

from core import fingerprint
from core.errors import FanoutError
from core.toolchain import ROOT, require
from serving.container.strip import strip

LOCK = ROOT / "requirements" / "serving-image.lock"
HERE = Path(__file__).parent
MODULES = (
    "serving.container.entrypoint",
    "serving.container.health",
    "serving.server.server",
    "serving.server.offload.program",  # started by its name
)
# C++ headers are a quarter of TensorFlow, and a container compiles nothing against them.
_LEFT_OUT = ("tensorflow/include", "bin")
_PLATFORM = "x86_64-manylinux_2_36"


def digest() -> str:
    """Returns the digest of everything that goes into the image, except its base image."""
    builders = [HERE / "Containerfile", HERE / "context.py", HERE / "strip.py"]
    return fingerprint.of_files([LOCK, *builders, *sources()])


def prepare(folder: Path) -> None:
    """Writes the context below ``folder``; keeps libraries already installed from the same lock.

    Raises:
        FanoutError: a library cannot be installed; the message is the installer's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _libraries(folder / "site-packages")
    application = folder / "application"
    shutil.rmtree(application, ignore_errors=True)
    for source in sources():
        copied = application / source.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copied)
    shutil.copy2(HERE / "Containerfile", folder / "Containerfile")


def sources() -> list[Path]:
    """Returns the modules that the image runs, and all project modules that they import."""
    return fingerprint.sources(*MODULES)


def _libraries(folder: Path) -> None:
    stamp = folder / ".lock-digest"
    # The code that post-processes the libraries counts too.
    wanted = fingerprint.of_files([LOCK, HERE / "context.py", HERE / "strip.py"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [str(require(ROOT / ".venv-tools/bin/uv")), "pip", "install", "--quiet", "--no-deps"]
        + ["--require-hashes", "--compile-bytecode", f"--python-platform={_PLATFORM}"]
        + [f"--python={ROOT / '.venv/bin/python'}", f"--target={folder}", "-r", str(LOCK)],
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = " ".join(done.stderr.split())[-400:]
        raise FanoutError(f"the image's libraries cannot be installed: {reason}")
    for name in _LEFT_OUT:
        shutil.rmtree(folder / name, ignore_errors=True)
    for library in folder.rglob("*.so*"):
        if library.is_file() and not library.is_symlink():
            strip(library)
    stamp.write_text(wanted)
