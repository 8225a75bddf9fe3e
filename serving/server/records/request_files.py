"""The names of the request log's files."""

from pathlib import Path

SUFFIX = ".tfrecord"


def files(prefix: str | Path) -> list[Path]:
    """Returns the log files of a prefix, oldest first. A file's path is a prefix of that file."""
    path = Path(prefix)
    if path.is_file():
        return [path]
    # The name ends with the time at which the file was created.
    return sorted(
        file
        for file in path.parent.glob(f"*{SUFFIX}")
        if file.name.startswith(f"{path.name}-") and file.name.count("-", len(path.name)) == 1
    )
