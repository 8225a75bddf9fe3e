"""The checksums of a release. The manifest lists its files; SHA256SUMS also lists the manifest.

``sha256sum -c SHA256SUMS`` checks a release where this project is not installed.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.files import sha256, sync_folder, write_text

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "model.sig"
_OWN = (MANIFEST, SUMS, SIGNATURE)


def entries(folder: Path) -> dict[str, dict[str, str | int]]:
    """Returns the manifest's entry for every file below a folder that has no manifest yet."""
    return {name: entry(folder / name) for name in _files(folder)}


def entry(file: Path) -> dict[str, str | int]:
    return {"sha256": sha256(file), "bytes": file.stat().st_size}


def write_sums(folder: Path, files: Mapping[str, Any], *, aside: Path | None = None) -> None:
    """Writes SHA256SUMS of the manifest, the files that it lists, and the signature if any.

    Args:
        files: the manifest's entries.
        aside: a folder in which the file is written before it is moved to ``folder``, so that an
            existing release never holds a half-written file.
    """
    signed = (folder / SIGNATURE).is_file()
    written = (aside or folder) / SUMS
    write_text(written, "".join(_lines(folder, files, signed=signed)))
    if aside:
        written.replace(folder / SUMS)
        sync_folder(folder)


def damage(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Returns what differs from the checksums, one sentence per file; empty if all files match.

    Args:
        files: the manifest's entries.
    """
    sentences = []
    for name, expected in files.items():
        file = folder / name
        try:
            found = file.stat()
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if not found or not stat.S_ISREG(found.st_mode):
            sentences.append(f"{name} is missing")
        elif file.is_symlink():
            sentences.append(f"{name} is a symbolic link; a release must hold its files itself")
        elif found.st_size != expected["bytes"] or sha256(file) != expected["sha256"]:
            sentences.append(f"{name} differs from its checksum")
    extra = set(_files(folder)) - set(files) - set(_OWN)
    sentences += [f"{name} is not in the manifest" for name in sorted(extra)]
    return sentences + _damage_of_sums(folder, files)


def _damage_of_sums(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Finds a changed manifest, signature or SHA256SUMS, which the manifest cannot list."""
    try:
        written = (folder / SUMS).read_text(errors="replace").splitlines(keepends=True)
    except OSError as error:
        return [f"{SUMS} cannot be read: {error.strerror}"]
    # A signature that was made a moment ago may not be listed yet; the signed files are.
    signed = any(line.endswith(f"  {SIGNATURE}\n") for line in written)
    if signed and not (folder / SIGNATURE).is_file():
        return [f"{SIGNATURE} is missing"]
    expected = _lines(folder, files, signed=signed)
    if written == expected:
        return []
    names = {line[:-1].partition("  ")[2] for line in set(expected) - set(written)}
    problems = [f"{name} differs from its checksum in {SUMS}" for name in _OWN if name in names]
    return problems or [f"{SUMS} differs from the manifest"]


def _lines(folder: Path, files: Mapping[str, Any], *, signed: bool) -> list[str]:
    digests = {name: str(values["sha256"]) for name, values in files.items()}
    digests[MANIFEST] = sha256(folder / MANIFEST)
    if signed:
        digests[SIGNATURE] = sha256(folder / SIGNATURE)
    return [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]


def _files(folder: Path) -> list[str]:
    """Returns the names of all that is not a folder; a link to one is not."""
    begin = len(str(folder)) + 1
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        found += [f"{place}/{name}"[begin:] for name in files + links]
    return sorted(found)
