"""``fanout monitor``: reads the request log, judges it, prints tables and writes the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from core.errors import UserError
from core.files import write_text
from models.spec import load
from pipeline.monitor.monitoring import Found, judge
from pipeline.monitor.own_requests import OwnRequests
from pipeline.monitor.page import NEWER, OLDER, REQUESTS, TRAINING, render
from pipeline.monitor.request_log import log_files, read_traffic
from pipeline.monitor.statistics import Comparison
from pipeline.release import release
from pipeline.release.release import Release
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Asked:
    """The options of the command line.

    Attributes:
        logs: folders, files or prefixes; empty takes those of ``fanout serve``.
        folder: the folder of another release; None takes the current release.
        any_version: whether requests to other versions count as well.
        page: the file for the page; None writes it to ``reports/`` in the build folder.
    """

    logs: tuple[Path, ...] = ()
    folder: Path | None = None
    any_version: bool = False
    page: Path | None = None


def monitor(config: Config, asked: Asked) -> tuple[Found, Path]:
    """Returns the result and the path of its page.

    Raises:
        UserError: there is no release, no log, or no statistics of the training data in the
            release.
    """
    chosen = _release(config, asked.folder)
    spec = config.spec if asked.folder is None else load(str(chosen.manifest["model"]))
    files = log_files(asked.logs or [config.build.request_log_of_model])
    version = None if asked.any_version else chosen.version
    own = OwnRequests(spec, chosen.folder)
    result = judge(spec, chosen, read_traffic(spec, files, version=version, own=own))
    page = asked.page or config.build.folder / "reports" / f"monitor-{chosen.version}.html"
    write_text(page, render(spec, result))
    return result, page


def tables(result: Found) -> list[Table]:
    """Returns the tables that the terminal shows."""
    count = f"{len(result.traffic):,} examples in {result.traffic.requests:,} requests"
    title = f"Requests to release {result.version} of {result.model}: {count}"
    drawn = []
    if result.skew:
        drawn.append(_table(result.skew, title, TRAINING, REQUESTS))
    if result.drift:
        drawn.append(
            _table(result.drift, "Their newer half against their older half", OLDER, NEWER)
        )
    return drawn


def summary(result: Found) -> list[str]:
    """Returns the lines below the tables."""
    lines = [f"{count:,} records skipped: {why}" for why, count in result.traffic.skipped.items()]
    if len(result.traffic) < result.needed:
        lines.append(
            f"too few requests to judge: {len(result.traffic):,} examples, "
            f"at least {result.needed:,} are needed"
        )
    return lines


def _release(config: Config, folder: Path | None) -> Release:
    if folder is not None:
        return Release.open(folder)
    now = release.current(config.build)
    if now is None:
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: fanout run")
    return now


def _table(comparison: Comparison, title: str, before: str, after: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("feature", before, after, "measure"):
        table.add_column(name, overflow="fold")
    for name in ("distance", "limit"):
        table.add_column(name, justify="right")
    table.add_column("status")
    for row in comparison.rows:
        mark = "[green]✓ within[/]" if row.within else "[red]✗ beyond[/]"
        cells: Sequence[str] = (row.feature, *comparison.words(row.feature), row.measure)
        table.add_row(*cells, f"{row.value:.3f}", f"{row.limit:g}", mark)
    return table
