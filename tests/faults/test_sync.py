"""Syncs against a power cut: before a name appears, everything behind it is on the disk."""

import os
from pathlib import PurePath
from typing import Any

import pytest

COMMANDS = ("run", "promote 3", "rollback", "prune --keep 1")


@pytest.mark.parametrize("command", COMMANDS)
def test_everything_is_synced_before_it_is_renamed_and_the_folder_after(
    campaign: Any, command: str
) -> None:
    calls = campaign.run(*command.split()).calls
    renames = [n for n, call in enumerate(calls) if call["call"] in ("rename", "replace")]
    assert renames
    for number in renames:
        source, place = calls[number]["path"], calls[number]["to"]
        dirty = _not_synced(calls[:number], source)
        assert not dirty, f"renamed to {place} before they were synced: {sorted(dirty)}"
        synced = {call["path"] for call in calls[number:] if call["call"] == "fsync"}
        assert str(PurePath(place).parent) in synced or _removed(calls[number:], place), place


def _not_synced(calls: list[dict[str, str]], source: str) -> set[str]:
    """Returns the files below ``source`` that were written and not synced afterwards."""
    dirty = set()
    for call in calls:
        path = call["path"]
        if call["call"] in ("write", "sendfile", "ftruncate", "open"):
            dirty.add(path)
        elif call["call"] == "fsync":
            dirty.discard(path)
        elif call["call"] in ("rename", "replace") and path in dirty:
            dirty = (dirty - {path}) | {call["to"]}
        elif call["call"] == "unlink":
            dirty.discard(path)
    return {path for path in dirty if path == source or path.startswith(source + os.sep)}


def _removed(calls: list[dict[str, str]], place: str) -> bool:
    return any(call["call"] == "rmdir" and call["path"] == place for call in calls)
