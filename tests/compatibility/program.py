"""Tries rows: each in a process of its own, several at a time, results kept from run to run."""

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.compatibility import children, mobile, web
from tests.compatibility.exported import Exported, made
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

EXPORT_SECONDS = CONVERT_SECONDS = 180.0
# The browser ends itself earlier; a row with several outputs starts it several times.
BROWSER_SECONDS = 3 * web.BROWSER_SECONDS + 60.0
VARIANTS = tuple(mobile.LIMITS)
EDGE = tuple(runtime.title for runtime in mobile.RUNTIMES)


def tried(row: Row, targets: Collection[str], page: Path, folder: Path) -> dict[str, Any]:
    """Returns what a row did on every runtime of the targets: a verdict for each cell, by name."""
    start = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cells: dict[str, Any] = {}
    rules: dict[str, list[str]] = {"mobile": [], "web": []}
    exported = Exported(folder / "model")
    ended = children.run(
        lambda: _export(row, folder / "model"), folder / "export.log", EXPORT_SECONDS
    )
    cells["SavedModel"] = ended.value or _without_answer(ended)
    if ended.value:
        for variant in VARIANTS if "mobile" in targets else ():
            cells |= _on_devices(row, exported, variant, folder, rules["mobile"])
        if "web" in targets:
            cells |= _in_browser(row, exported, page, folder, rules["web"])
    seconds = round(time.monotonic() - start, 1)
    return {"name": row.name, "cells": cells, "rules": rules, "seconds": seconds}


def _export(row: Row, folder: Path) -> dict[str, Any]:
    exported, answers, exact = made(row, folder)
    limit = CLOSE if exact else HALF_POLICY
    return as_json(compared(exported.expected(), answers, limit, classes=False))


def _on_devices(
    row: Row, exported: Exported, variant: str, folder: Path, rules: list[str]
) -> dict[str, Any]:
    ended = children.run(
        lambda: mobile.tried(row, exported, variant, folder / variant),
        folder / f"{variant}.log",
        CONVERT_SECONDS,
    )
    if not ended.value:
        return {f"{runtime} {variant}": _without_answer(ended) for runtime in EDGE}
    rules += [rule for rule in ended.value["rules"] if rule not in rules]
    cells: dict[str, Any] = ended.value["cells"]
    return cells


def _in_browser(
    row: Row, exported: Exported, page: Path, folder: Path, rules: list[str]
) -> dict[str, Any]:
    site = folder / "site"
    web.placed(page, exported, site)
    graph = children.run(
        lambda: web.add_graph_models(exported, site), folder / "web.log", CONVERT_SECONDS
    )
    litert = children.run(
        lambda: web.add_tflite(exported, site), folder / "litert.log", CONVERT_SECONDS
    )
    rules += graph.value or []
    made = {run: litert.value if run == web.LITERT else graph.value is not None for run in web.RUNS}
    runs = [run for run in web.RUNS if made[run]]
    cells = {
        " ".join(run): _without_answer(litert if run == web.LITERT else graph)
        for run in web.RUNS
        if run not in runs
    }
    if not runs:
        return cells
    answers = children.run(
        lambda: web.answered(row, exported, site, runs, folder / "browser"),
        folder / "browser.log",
        BROWSER_SECONDS,
    )
    lost = dict.fromkeys((" ".join(run) for run in runs), _without_answer(answers))
    return cells | (answers.value or lost)


def _without_answer(ended: children.Ended) -> dict[str, Any]:
    if ended.value is False:
        return as_json(Verdict(NOT_OFFERED))
    if ended.refusal:
        return as_json(Verdict(REFUSED, reason=ended.refusal))
    if ended.error:
        return as_json(Verdict(TRACEBACK, reason=ended.error))
    return as_json(Verdict(CRASHED, reason=ended.death))


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
