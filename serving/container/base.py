"""The base image of the server's image: Python 3.11 and little else.

If an image registry can be reached, it is ``python:3.11-slim``. Otherwise it is built from the
distribution's own signed packages: an interpreter and the libraries it links to. It contains
nothing to run a command with: no shell and no package manager.
"""

import shutil
import tarfile
import tempfile
from pathlib import Path

from core.errors import FanoutError
from core.fingerprint import of_values
from models.sources import debian
from serving.container import failures
from serving.container.engine import Engine, EngineFailed

PULLED = "docker.io/library/python:3.11-slim-bookworm"
OWN = "localhost/fanout-python"
PULL_SECONDS = 600.0
IMPORT_SECONDS = 300.0
PACKAGES = [
    *("base-files", "libc6", "libgcc-s1", "libstdc++6"),
    *("zlib1g", "libbz2-1.0", "liblzma5", "libexpat1", "libffi8", "libssl3", "libuuid1"),
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"),
]
_MERGED = ("bin", "lib", "lib64", "sbin")
_EMPTY = ("dev", "models", "proc", "run", "sys", "var/tmp")
_USERS = {
    "passwd": "root:x:0:0:root:/root:/sbin/nologin\nserver:x:65532:65532::/:/sbin/nologin\n",
    "group": "root:x:0:\nserver:x:65532:\n",
}


def image(engine: Engine, work: Path) -> str:
    """Returns the name of a base image that the engine has; pulls or builds it if necessary.

    Args:
        engine: receives the image.
        work: a folder for downloads and for the record of earlier failures.

    Raises:
        FanoutError: the image can be neither pulled nor built; the message gives both reasons.
    """
    built = f"{OWN}:{of_values(PACKAGES, Path(__file__).read_text())[:16]}"
    for name in (PULLED, built):
        if engine.has_image(name):
            return name
    try:
        with failures.of_failures(work, f"pull {PULLED} with {engine.name}"):
            engine.call("pull", "--quiet", PULLED, timeout=PULL_SECONDS)
        return PULLED
    except FanoutError as error:
        pull_failure = str(error)
    try:
        _build(engine, built, work)
    except (debian.PackageError, EngineFailed, OSError) as error:
        raise FanoutError(
            f"no base image: {PULLED} cannot be pulled ({pull_failure}), and one cannot be built: "
            f"{error}"
        ) from error
    return built


def _build(engine: Engine, name: str, work: Path) -> None:
    work = work.resolve()  # apt runs in a folder of its own
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="base-") as folder:
        root = Path(folder) / "root"
        suite = debian.Distribution.here().suite
        debian.unpack(PACKAGES, suite, root, work=work / "apt")
        _finish(root)
        archive = Path(folder) / "base.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".", filter=_owned_by_root)
        engine.call("import", str(archive), name, timeout=IMPORT_SECONDS)


def _finish(root: Path) -> None:
    """Does what an installation would do: merges folders, adds users, removes documentation."""
    for name in _MERGED:
        folder, merged = root / name, root / "usr" / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.copytree(folder, merged, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(folder)
        merged.mkdir(parents=True, exist_ok=True)
        if not folder.is_symlink():
            folder.symlink_to(f"usr/{name}")
    for name in ("doc", "man", "lintian", "locale"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for name in _EMPTY:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in _USERS.items():
        (root / "etc" / name).write_text(text)
    temporary = root / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    root.chmod(0o755)  # temporary folders are readable by their owner only


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
