"""Marks that make a failed check run again, although nothing that it depends on changed.

TFX caches a component that finished, and a check that reports a failure has finished. The cause of
the failure may be gone the next time (a browser that was killed, a full disk), so each failure
changes a mark that is part of the check's fingerprint. A conversion has a mark too: it finishes
with a reason where it cannot convert, and its files may have changed on disk after they were
checked.
"""

import json
from collections.abc import Iterable

from core.errors import UserError
from core.files import write_text
from pipeline.settings.config import Config


def conversion(target: str) -> str:
    """Returns the name that marks a target's conversion, as opposed to its check."""
    return f"convert.{target}"


def retry_mark(config: Config, target: str) -> str:
    """Returns the target's mark; empty if its check has never failed."""
    marks = _marks(config)
    return f"-{marks[target]}" if target in marks else ""


def mark_for_retry(config: Config, targets: Iterable[str]) -> None:
    """Makes the next run check the targets again."""
    marks = _marks(config)
    for target in targets:
        marks[target] = marks.get(target, 0) + 1
    write_text(config.build.folder / "retries.json", json.dumps(marks))


def _marks(config: Config) -> dict[str, int]:
    file = config.build.folder / "retries.json"
    try:
        marks: dict[str, int] = {
            str(name): int(count) for name, count in json.loads(file.read_text()).items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is damaged: {error}; delete it and run again") from error
    return marks
