"""Tries rows: each in a process of its own, several at a time, results kept from run to run."""

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compatibility import children, mobile, rules, web
from tests.compatibility.exported import MODEL, Exported, made
from tests.compatibility.row import Row
from tests.compatibility.verdicts import (
    CLOSE,
    CRASHED,
    HALF_POLICY,
    NOT_OFFERED,
    REFUSED,
    TRACEBACK,
    Verdict,
    as_json,
    compared,
)

# For one step of a row, and for all of them: rows take about 20 s.
ROW_SECONDS = 600.0
EXPORT_SECONDS = CONVERT_SECONDS = 180.0
MOBILE_SECONDS = 300.0
# The browser ends itself earlier; a row with several outputs starts it several times.
BROWSER_SECONDS = 3 * web.BROWSER_SECONDS + 60.0


@dataclass
class _Trial:
    """A row that is being tried, with what came out so far."""

    row: Row
    folder: Path
    end: float
    cells: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=lambda: {"mobile": [], "web": []})

    @property
    def exported(self) -> Exported:
        return Exported(self.folder / "model")

    def step(self, name: str, function: Callable[[], Any], seconds: float) -> children.Ended:
        """Runs one step in a process of its own, within the time that the row has left."""
        left = max(0.0, self.end - time.monotonic())
        return children.run(function, self.folder / f"{name}.log", min(seconds, left))


def tried(row: Row, targets: Collection[str], page: Path, folder: Path) -> dict[str, Any]:
    """Returns what a row did on every runtime of the targets: a verdict for each cell, by name."""
    start = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trial = _Trial(row, folder, start + ROW_SECONDS)
    ended = trial.step("export", lambda: _export(row, trial.exported.folder), EXPORT_SECONDS)
    trial.cells["SavedModel"] = ended.value or _without_answer(ended)
    if ended.value:
        if "mobile" in targets:
            _on_devices(trial)
        if "web" in targets:
            _in_browser(trial, page)
    return {
        "name": row.name,
        "cells": trial.cells,
        "rules": trial.rules,
        "seconds": round(time.monotonic() - start, 1),
    }


def _export(row: Row, folder: Path) -> dict[str, Any]:
    exported, answers, exact = made(row, folder)
    limit = CLOSE if exact else HALF_POLICY
    return as_json(compared(exported.expected(), answers, limit, classes=False))


def _on_devices(trial: _Trial) -> None:
    ended = trial.step(
        "mobile",
        lambda: mobile.tried(trial.row, trial.exported, trial.folder / "mobile"),
        MOBILE_SECONDS,
    )
    trial.cells |= ended.value or dict.fromkeys(mobile.cell_names(), _without_answer(ended))
    applied = trial.step("rules", lambda: rules.of_mobile(trial.exported), CONVERT_SECONDS)
    # What cannot be converted may be such that no rule can be applied.
    trial.rules["mobile"] += applied.value or []


def _in_browser(trial: _Trial, page: Path) -> None:
    exported, site = trial.exported, trial.folder / "site"
    web.placed(page, exported, site)
    graph = trial.step("web", lambda: web.add_graph_models(exported, site), CONVERT_SECONDS)
    file = trial.folder / "mobile" / f"{MODEL}.float32.tflite"
    litert = trial.step("litert", lambda: web.add_tflite(exported, site, file), CONVERT_SECONDS)
    trial.rules["web"] += graph.value or []
    runs = []
    for run in web.RUNS:
        ended = litert if run == web.LITERT else graph
        # A list of rules may be empty; False says that there is no file for LiteRT.js.
        if ended.value is None or ended.value is False:
            trial.cells[" ".join(run)] = _without_answer(ended)
        else:
            runs.append(run)
    if runs:
        scratch = trial.folder / "browser"
        answers = trial.step(
            "browser",
            lambda: web.answered(trial.row, exported, site, runs, scratch),
            BROWSER_SECONDS,
        )
        lost = {" ".join(run): _without_answer(answers) for run in runs}
        trial.cells |= answers.value or lost


def _without_answer(ended: children.Ended) -> dict[str, Any]:
    if ended.value is False:
        return as_json(Verdict(NOT_OFFERED))
    if ended.refusal:
        return as_json(Verdict(REFUSED, reason=ended.refusal))
    if ended.error:
        return as_json(Verdict(TRACEBACK, reason=ended.error))
    return as_json(Verdict(CRASHED, reason=ended.death))


def kept(rows: Iterable[Row], out: Path) -> dict[str, Any]:
    """Returns the results that are kept in the folder, by the rows' names."""
    files = {row.name: out / f"{row.file_name}.json" for row in rows}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.is_file()}


def run(
    rows: Sequence[Row], targets: Collection[str], out: Path, processes: int
) -> Iterator[dict[str, Any]]:
    """Tries the rows that have no results yet, and yields each one's when they are there.

    Args:
        targets: ``mobile``, ``web`` or both.
        out: the folder that keeps one JSON file per row, and the files that a row made.
        processes: how many rows are tried at a time.
    """
    page = out / "page"
    if "web" in targets:
        web.build_page(page)
    waiting = list(rows)
    running: dict[int, Row] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            row = waiting.pop(0)
            result = out / f"{row.file_name}.json"
            if result.is_file():
                yield json.loads(result.read_text())
                continue
            child = os.fork()
            if not child:
                _try_and_leave(row, targets, page, out)
            running[child] = row
        if not running:
            continue
        child, status = os.wait()
        row = running.pop(child)
        result = out / f"{row.file_name}.json"
        if status or not result.is_file():
            raise ChildProcessError(f"the harness itself failed at row {row.name!r}")
        yield json.loads(result.read_text())


def _try_and_leave(row: Row, targets: Collection[str], page: Path, out: Path) -> None:
    children.die_with_parent()
    code = 1
    try:
        found = tried(row, targets, page, out / "work" / row.file_name)
        file = out / f"{row.file_name}.json"
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(found, indent=1) + "\n")
        partial.replace(file)
        code = 0
    finally:
        os._exit(code)
