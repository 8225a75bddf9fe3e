"""Atomic writes: a reader sees all of a write or nothing, even after a crash or a power failure."""

import hashlib
import os
import shutil
from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Writes to a temporary file, syncs it and renames it to its place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    sync_folder(file.parent)


def replace_link(link: Path, target: str) -> None:
    """Points a symbolic link at another target in one step."""
    partial = link.with_name(f".{link.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(link)
    sync_folder(link.parent)


def place_folder(partial: Path, folder: Path) -> None:
    """Syncs a folder that was written under a temporary name, then renames it to its free place.

    Raises:
        OSError: the place holds a folder that is not empty, or the disk cannot store the files.
    """
    sync_tree(partial)
    partial.replace(folder)
    sync_folder(folder.parent)


def copy_tree(source: Path, destination: Path) -> None:
    """Copies a folder's files with their times; stops at the first file that cannot be copied.

    ``shutil.copytree`` goes on after an error, even on a full disk, and hides the error's number.
    """
    destination.mkdir(parents=True)
    for parent, folders, files in os.walk(source):
        place = destination / Path(parent).relative_to(source)
        for name in files:
            shutil.copy2(Path(parent, name), place / name)
        for name in folders:
            (place / name).mkdir()


def remove_folder(folder: Path) -> None:
    """Removes a folder that others read: it disappears in one step, then its files are deleted."""
    aside = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    folder.replace(aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)


def keep_only(folder: Path, name: str) -> bool:
    """Removes everything in a folder but ``name``; returns whether there was anything to remove."""
    others = [each for each in folder.glob("*") if each.name != name]
    for each in others:
        shutil.rmtree(each)
    return bool(others)


def sync_tree(folder: Path) -> None:
    """Syncs ``folder`` and every file and folder below it."""
    for parent, _, files in os.walk(folder):
        for name in files:
            sync_file(Path(parent, name))
        sync_folder(Path(parent))


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
    """Returns the SHA-256 of a file's contents as hexadecimal digits."""
    with file.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Returns the total size in bytes of the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
