"""How a campaign that is run by hand ends: what was seen, what was wrong, the exit code."""

import sys
from collections.abc import Sequence
from typing import Protocol


class Report(Protocol):
    """What a campaign saw."""

    @property
    def problems(self) -> Sequence[str]:
        """Returns what must not be, empty after a good run."""

    def text(self) -> str:
        """Returns what was counted and measured."""


def concluded(report: Report) -> int:
    """Prints a report, its problems to standard error, and returns the exit code."""
    print(report.text())
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if report.problems else 0
