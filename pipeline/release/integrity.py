"""The checksums of a release: the manifest has those of its files, SHA256SUMS those of all.

``sha256sum -c SHA256SUMS`` checks a release where this project is not installed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.files import sha256, sync_folder, write_text

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "model.sig"
_OWN = (MANIFEST, SUMS, SIGNATURE)


def entries(folder: Path) -> dict[str, dict[str, str | int]]:
    """Returns the manifest's entry of every file below a folder that has no manifest yet."""
    return {name: entry(folder / name) for name in _files(folder)}


def entry(file: Path) -> dict[str, str | int]:
    return {"sha256": sha256(file), "bytes": file.stat().st_size}


def write_sums(folder: Path, files: Mapping[str, Any], *, aside: Path | None = None) -> None:
    """Writes SHA256SUMS of the manifest, of the files in it, and of the signature if there is one.

    Args:
        files: the manifest's.
        aside: where it is written before it is moved to ``folder``; a release that is there
            already never holds a file half written.
    """
    signed = (folder / SIGNATURE).is_file()
    written = (aside or folder) / SUMS
    write_text(written, "".join(_lines(folder, files, signed=signed)))
    if aside:
        written.replace(folder / SUMS)
        sync_folder(folder)


def damage(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Returns what differs from the checksums, one sentence a file; empty when all is whole.

    Args:
        files: the manifest's.
    """
    found = []
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            found.append(f"{name} is missing")
        elif file.is_symlink():
            found.append(f"{name} is a symbolic link; a release holds its files itself")
        elif file.stat().st_size != expected["bytes"] or sha256(file) != expected["sha256"]:
            found.append(f"{name} differs from its checksum")
    extra = set(_files(folder)) - set(files) - set(_OWN)
    found += [f"{name} is not in the manifest" for name in sorted(extra)]
    return found + _damage_of_sums(folder, files)


def _damage_of_sums(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Finds a changed manifest, signature or SHA256SUMS, which no manifest can list."""
    try:
        written = (folder / SUMS).read_text(errors="replace").splitlines(keepends=True)
    except OSError as error:
        return [f"{SUMS} cannot be read: {error.strerror}"]
    # A signature that was made a moment ago may not be listed yet; what it signs is.
    signed = any(line.endswith(f"  {SIGNATURE}\n") for line in written)
    if signed and not (folder / SIGNATURE).is_file():
        return [f"{SIGNATURE} is missing"]
    expected = _lines(folder, files, signed=signed)
    if written == expected:
        return []
    names = {line[:-1].partition("  ")[2] for line in set(expected) - set(written)}
    own = [f"{name} differs from its checksum in {SUMS}" for name in _OWN if name in names]
    return own or [f"{SUMS} differs from the manifest"]


def _lines(folder: Path, files: Mapping[str, Any], *, signed: bool) -> list[str]:
    digests = {name: str(values["sha256"]) for name, values in files.items()}
    digests[MANIFEST] = sha256(folder / MANIFEST)
    if signed:
        digests[SIGNATURE] = sha256(folder / SIGNATURE)
    return [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(str(path.relative_to(folder)) for path in found)
