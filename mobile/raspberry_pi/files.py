"""Reads the files that people name, within a bound."""

from pathlib import Path

MAX_FILE_BYTES = 50 << 20


class FileError(Exception):
    """The file cannot be read, is empty or is too large; the message says which."""


def content_of(file: Path) -> bytes:
    """Returns the file's bytes. Raises FileError."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise FileError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise FileError(getattr(error, "strerror", None) or "it cannot be read") from None
    if not content:
        raise FileError("it is empty")
    return content
