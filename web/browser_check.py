"""Runs the golden set through a site's own model runner in Chromium, once on each backend."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.spec import Limits
from pipeline.checks import FAILED, PASSED, Check, compare, failure
from pipeline.errors import FanoutError
from pipeline.golden import Array, Golden
from pipeline.target import Artifacts
from web.browser import run_script
from web.site_server import serving

# In the order of the table, the page's default first, with how many examples each runs at most.
# WebGL without a graphics card takes about 20 ms an example on two cores.
BACKENDS: Mapping[str, int | None] = {"wasm": None, "cpu": None, "webgl": 256}
# Large enough that WebGL without a graphics card spends its time on the model, not on each call.
BATCH = 128
TIMED = 50
START_SECONDS = 120.0
SECONDS_PER_EXAMPLE = 0.1


def check(artifacts: Artifacts, golden: Golden, *, variant: str, limits: Limits) -> list[Check]:
    """Returns one row a backend. A browser that is missing or fails makes failed rows."""
    rows = {
        backend: Check(
            "web", variant, f"TensorFlow.js {backend}", FAILED, bytes=_size(artifacts, variant)
        )
        for backend in BACKENDS
    }
    try:
        with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
            return _check(artifacts.folder, golden, rows, limits, Path(folder))
    except FanoutError as error:
        return [failure(row, str(error), limits=limits) for row in rows.values()]


def _check(
    site: Path, golden: Golden, rows: Mapping[str, Check], limits: Limits, folder: Path
) -> list[Check]:
    seconds = START_SECONDS + SECONDS_PER_EXAMPLE * len(golden)
    parts = {backend: golden.head(BACKENDS[backend]) for backend in rows}
    outputs = {backend: folder / f"{backend}.f4" for backend in rows}
    inputs = {name: _write_input(folder, name, values) for name, values in golden.inputs.items()}
    with serving(site) as url:
        answer = run_script(
            "check",
            {
                "url": url,
                "backends": {
                    backend: {"examples": len(part), "outputs": str(outputs[backend])}
                    for backend, part in parts.items()
                },
                "inputs": inputs,
                "batch": BATCH,
                "timed": TIMED,
                "timeout": seconds * 1000,
            },
            seconds=seconds * len(rows) + START_SECONDS,
        )
    return [
        _verdict(
            row,
            answer["rows"][backend],
            outputs[backend],
            answer["browser"],
            parts[backend],
            limits,
        )
        for backend, row in rows.items()
    ]


def _verdict(
    row: Check,
    measured: Mapping[str, Any],
    outputs: Path,
    browser: str,
    golden: Golden,
    limits: Limits,
) -> Check:
    if "error" in measured:
        row = replace(row, runtime=f"{row.runtime} ({browser})")
        return failure(row, measured["error"], limits=limits)
    name, backend = row.runtime.split()
    row = replace(
        row,
        runtime=f"{name} {measured['version']} {backend} ({browser})",
        p50_ms=measured["p50Ms"],
    )
    values = np.fromfile(outputs, "<f4")
    classes = golden.outputs.shape[1]
    if values.size % classes:
        return failure(row, f"answered {values.size} values for {classes} classes", limits=limits)
    row = compare(values.reshape(-1, classes), golden, limits, row=row)
    return with_problems(row, measured["problems"])


def with_problems(row: Check, problems: list[str]) -> Check:
    """Returns the row, failed when the page did what a released page must not do."""
    if not problems:
        return row
    reasons = ([] if row.status == PASSED else [row.reason]) + list(dict.fromkeys(problems))[:3]
    return replace(row, status=FAILED, reason="; ".join(reasons))


def _size(artifacts: Artifacts, variant: str) -> int:
    """Returns the bytes of graph and weights, without their compressed copies."""
    files = artifacts.variants[variant].glob("*")
    return sum(file.stat().st_size for file in files if file.suffix in {".json", ".bin"})


def _write_input(folder: Path, name: str, values: Array) -> dict[str, Any]:
    file = folder / f"input.{name}"
    kind = values.dtype.kind
    elements = int(np.prod(values.shape[1:], dtype=np.int64))
    if kind in "fiub":
        # TensorFlow.js has one float and one integer type.
        stored, type_name = {"f": ("<f4", "float32"), "b": ("u1", "bool")}.get(
            kind, ("<i4", "int32")
        )
        values.astype(stored).tofile(file)
    else:
        type_name = "string"
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in values.ravel()]
        file.write_text(json.dumps(texts))
    return {"file": str(file), "type": type_name, "elements": elements}
