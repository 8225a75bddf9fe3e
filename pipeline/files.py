"""Writes that a reader sees whole or not at all, whatever ends the writer."""

import hashlib
import os
import shutil
from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Writes aside, syncs, renames."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    sync_folder(file.parent)


def replace_link(link: Path, target: str) -> None:
    """Points a symbolic link elsewhere in one step."""
    partial = link.with_name(f".{link.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(link)
    sync_folder(link.parent)


def copy_tree(source: Path, destination: Path) -> None:
    """Copies a folder and syncs every file of it."""
    shutil.copytree(source, destination)
    for file in destination.rglob("*"):
        if file.is_file():
            sync_file(file)


def sync_file(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(file: Path) -> str:
    """Returns the digest of a file's contents, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
