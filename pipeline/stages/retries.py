"""Why a check that failed is run again, although nothing it depends on changed.

TFX caches a component that ended well, and a check that says no ended well. Its cause may be
gone the next time (a browser that was killed, a full disk), so each failure changes the mark
that is part of the check's fingerprint. A conversion has a mark too: its files may have changed on
the disk after they were checked.
"""

import json
from collections.abc import Iterable

from core.errors import UserError
from core.files import write_text
from pipeline.settings.config import Config


def conversion(target: str) -> str:
    """Returns the name under which a target's conversion, and not its check, is marked."""
    return f"convert.{target}"


def retry_mark(config: Config, target: str) -> str:
    """Returns the target's mark; empty as long as its check never failed."""
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
