"""The table of checks on the terminal."""

from collections.abc import Callable, Iterable

from rich.table import Table

from core.agreement.checks import FAILED, PASSED, SKIPPED, Check

_MARKS = {PASSED: "[green]✓ passed[/]", FAILED: "[red]✗ failed[/]", SKIPPED: "[yellow]- skipped[/]"}


def checks_table(checks: Iterable[Check], *, title: str) -> Table:
    """Returns a table with one row per check; if any has a reason, it gets its own column."""
    rows = list(checks)
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("target")
    table.add_column("variant")
    table.add_column("runtime", overflow="fold")
    for name in ("size", "examples", "accuracy", "agreement", "difference", "p50"):
        table.add_column(name, justify="right")
    table.add_column("status")
    with_reasons = any(check.reason for check in rows)
    if with_reasons:
        table.add_column("reason", overflow="fold")
    for check in rows:
        cells = [
            check.target,
            check.variant,
            check.runtime,
            _number(check.bytes, lambda value: f"{value / 1000:,.0f} kB"),
            _number(check.examples, lambda value: f"{value:,.0f}"),
            _number(check.accuracy, lambda value: f"{value:.4f}"),
            _number(check.agreement, lambda value: f"{value:.4f}"),
            _number(check.max_abs_diff, lambda value: f"{value:.1e}"),
            _number(check.p50_ms, lambda value: f"{value:.2f} ms"),
            _MARKS[check.status],
        ]
        table.add_row(*cells, *([check.reason] if with_reasons else []))
    return table


def _number(value: float | None, shown: Callable[[float], str]) -> str:
    return "" if value is None else shown(value)
