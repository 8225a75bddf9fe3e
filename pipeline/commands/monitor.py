"""``fanout monitor``: reads the request log, judges it, prints a table, writes the page."""

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
    """What the command line asks for.

    Attributes:
        logs: folders, files or prefixes; empty takes those of ``fanout serve``.
        folder: a release somewhere else; None takes the current one.
        any_version: whether other versions' requests count as well.
        page: where the page is written; None: ``reports/`` in the build folder.
    """

    logs: tuple[Path, ...] = ()
    folder: Path | None = None
    any_version: bool = False
    page: Path | None = None


def monitor(config: Config, asked: Asked) -> tuple[Found, Path]:
    """Returns what was found and where its page is.

    Raises:
        UserError: there is no release, no log, or the release knows nothing of its training data.
    """
    chosen = _release(config, asked.folder)
    spec = config.spec if asked.folder is None else load(str(chosen.manifest["model"]))
    files = log_files(asked.logs or [config.build.request_log_of_model])
    version = None if asked.any_version else chosen.version
    own = OwnRequests(spec, chosen.folder)
    found = judge(spec, chosen, read_traffic(spec, files, version=version, own=own))
    page = asked.page or config.build.folder / "reports" / f"monitor-{chosen.version}.html"
    write_text(page, render(spec, found))
    return found, page


def tables(found: Found) -> list[Table]:
    """Returns what the terminal shows."""
    asked = f"{len(found.traffic):,} examples in {found.traffic.requests:,} requests"
    title = f"Requests to release {found.version} of {found.model}: {asked}"
    drawn = []
    if found.skew:
        drawn.append(_table(found.skew, title, TRAINING, REQUESTS))
    if found.drift:
        drawn.append(_table(found.drift, "The newer half of them against the older", OLDER, NEWER))
    return drawn


def summary(found: Found) -> list[str]:
    """Returns what is said below the tables, one line each."""
    lines = [
        f"{count:,} records passed over: {why}" for why, count in found.traffic.skipped.items()
    ]
    if len(found.traffic) < found.needed:
        lines.append(
            f"too few requests to judge: {len(found.traffic):,} examples, "
            f"at least {found.needed:,} are wanted"
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
