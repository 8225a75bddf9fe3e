"""Writes that a reader sees whole or not at all, whatever ends the writer, the power included."""

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


def place_folder(partial: Path, folder: Path) -> None:
    """Renames a folder that was written aside to its place, which must be free, once it is on disk.

    Raises:
        OSError: the place is taken by a folder that is not empty, or the disk does not take it.
    """
    sync_tree(partial)
    partial.replace(folder)
    sync_folder(folder.parent)


def copy_tree(source: Path, destination: Path) -> None:
    """Copies a folder's files with their times; stops at the first that cannot be copied.

    ``shutil.copytree`` goes on after an error, on a full disk too, and hides its number.
    """
    destination.mkdir(parents=True)
    for parent, folders, files in os.walk(source):
        place = destination / Path(parent).relative_to(source)
        for name in files:
            shutil.copy2(Path(parent, name), place / name)
        for name in folders:
            (place / name).mkdir()


def remove_folder(folder: Path) -> None:
    """Removes a folder that others read: it is gone in one step, and then its files go."""
    aside = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    folder.replace(aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)


def keep_only(folder: Path, name: str) -> bool:
    """Removes all that a folder holds but the folder of one name; returns whether there was any."""
    others = [each for each in folder.glob("*") if each.name != name]
    for each in others:
        shutil.rmtree(each)
    return bool(others)


def sync_tree(folder: Path) -> None:
    """Syncs every file and folder below ``folder``, and itself."""
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
    """Returns the digest of a file's contents, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Returns how many bytes the files below a folder hold."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
