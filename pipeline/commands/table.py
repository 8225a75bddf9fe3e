"""The table of checks on the terminal."""

from collections.abc import Callable, Iterable

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.agreement.checks import FAILED, PASSED, SKIPPED, Check
from pipeline.release.headline import MADE_UP, OWN_ANSWERS, column, scored

_MARKS = {PASSED: "[green]✓ passed[/]", FAILED: "[red]✗ failed[/]", SKIPPED: "[yellow]- skipped[/]"}


# Narrower, and no column of the table can be read. Files and pipes have no width of their own.
_FILE_COLUMNS = 140


def print_checks(
    console: Console, checks: Iterable[Check], *, title: str, made_up: bool = False
) -> None:
    """Prints the table as wide as the terminal, or 140 columns wide into a file.

    Args:
        made_up: whether the examples are made up, so that no score is known.
    """
    if not console.is_terminal:
        # `print(width=…)` can only make a table narrower than the console.
        console = Console(file=console.file, width=_FILE_COLUMNS)
    console.print(checks_table(checks, title=title, made_up=made_up))


def checks_table(checks: Iterable[Check], *, title: str, made_up: bool = False) -> Group:
    """Returns a table with one row per check, and below it each reason with its rows."""
    rows = list(checks)
    scores = {check.key: "" if made_up else _score(check) for check in rows}
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("target")
    table.add_column("variant")
    table.add_column("runtime", overflow="fold")
    examples = MADE_UP if made_up else "examples"
    # A model without classes or numbers to compare with has no score in any row.
    score = [column(check.metric for check in rows)] if any(scores.values()) else []
    for name in ("size", examples, *score, "agreement", "difference", "p50"):
        table.add_column(name, justify="right")
    table.add_column("status")
    for check in rows:
        cells = [
            check.target,
            check.variant,
            check.runtime,
            _number(check.bytes, lambda value: f"{value / 1000:,.0f} kB"),
            _number(check.examples, lambda value: f"{value:,.0f}"),
            *([scores[check.key]] if score else []),
            _number(check.agreement, lambda value: f"{value:.4f}"),
            _number(check.max_abs_diff, lambda value: f"{value:.1e}"),
            _number(check.p50_ms, lambda value: f"{value:.2f} ms"),
            _MARKS[check.status],
        ]
        table.add_row(*cells)
    reasons: dict[tuple[str, str], list[Check]] = {}
    for check in rows:
        if check.reason:
            reasons.setdefault((check.target, check.reason), []).append(check)
    lines = [
        f"{target} {', '.join(f'{row.variant} on {row.runtime}' for row in alike)}: {reason}"
        for (target, reason), alike in reasons.items()
    ]
    lines += [OWN_ANSWERS] if made_up else []
    return Group(table, *(Padding(Text(line), (0, 0, 0, 2)) for line in lines))


def _score(check: Check) -> str:
    # Rows from before outputs had roles have an accuracy alone.
    if check.metric:
        return scored(check.metric, check.score)
    return scored("accuracy", check.accuracy)


def _number(value: float | None, shown: Callable[[float], str]) -> str:
    return "" if value is None else shown(value)
