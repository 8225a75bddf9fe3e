"""The promoted releases in order, which a rollback uses.

Only the link ``current`` defines what is promoted. An entry is written before the link is switched,
so an entry that disagrees with the link belongs to a switch that never happened.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import UserError
from core.files import write_text

_KEPT = 1000


@dataclass(frozen=True)
class Promotion:
    """A switch of the current release.

    Attributes:
        version: the release that became current.
        at: the time in UTC; empty for a switch made by hand.
        back: whether it was a rollback.
    """

    version: int
    at: str = ""
    back: bool = False


def read(file: Path, current: int | None) -> list[Promotion]:
    """Returns the switches that happened, oldest first; the last one made ``current``.

    Raises:
        UserError: the file is damaged.
    """
    try:
        entries = json.loads(file.read_text()) if file.exists() else []
        switches = [Promotion(**entry) for entry in entries]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{file} cannot be read, so the earlier promotions are unknown: {error}; "
            "choose a release yourself: fanout promote VERSION"
        ) from error
    if switches and switches[-1].version != current:
        switches.pop()
    if current is not None and (not switches or switches[-1].version != current):
        switches.append(Promotion(current))
    return switches


def record(file: Path, current: int | None, version: int, *, back: bool = False) -> None:
    """Adds a switch that is about to happen. A damaged file is set aside and a new one begun."""
    try:
        before = read(file, current)
    except UserError:
        file.replace(file.with_name(f"{file.name}.damaged"))
        before = [Promotion(current)] if current is not None else []
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [*before, Promotion(version, now, back)][-_KEPT:]
    write_text(file, json.dumps([asdict(entry) for entry in entries], indent=1) + "\n")


def earlier(switches: list[Promotion]) -> list[int]:
    """Returns the releases that successive rollbacks would go to, the next one first."""
    stack: list[int] = []
    for switch in switches:
        if switch.back and switch.version in stack:
            while stack[-1] != switch.version:
                stack.pop()
        elif stack[-1:] != [switch.version]:
            stack.append(switch.version)
    return stack[-2::-1]
