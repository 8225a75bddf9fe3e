"""The end of a campaign that is run by hand: the report, the problems, the exit code."""

import sys
from collections.abc import Sequence
from typing import Protocol


class Report(Protocol):
    """The observations of a campaign."""

    @property
    def problems(self) -> Sequence[str]:
        """Returns the problems; empty after a good run."""

    def text(self) -> str:
        """Returns the counts and measurements."""


def concluded(report: Report) -> int:
    """Prints a report, prints its problems to standard error, and returns the exit code."""
    print(report.text())
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if report.problems else 0
