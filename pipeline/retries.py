"""Why a check that failed is run again, although nothing it depends on changed.

TFX caches a component that ended well, and a check that says no ended well. Its cause may be
gone the next time (a browser that was killed, a full disk), so each failure changes the mark
that is part of the check's fingerprint.
"""

import json
from collections.abc import Iterable

from pipeline.config import Config
from pipeline.files import write_text


def retry_mark(config: Config, target: str) -> str:
    """Returns the target's mark; empty as long as its check never failed."""
    marks = _marks(config)
    return f"-{marks[target]}" if target in marks else ""


def mark_for_retry(config: Config, targets: Iterable[str]) -> None:
    """Makes the next run check the targets again."""
    marks = _marks(config)
    for target in targets:
        marks[target] = marks.get(target, 0) + 1
    write_text(config.build / "retries.json", json.dumps(marks))


def _marks(config: Config) -> dict[str, int]:
    file = config.build / "retries.json"
    marks: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return marks
