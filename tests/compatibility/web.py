"""A row in the browser: converted as the web target does it, run in one page for all rows.

The page is the product's own, built once with all of TensorFlow.js. A release's page holds only
what its model needs; building one for each row would take hours.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.toolchain import NODE, WEB, require
from models.calibration import calibration_inputs
from models.contract import contract_text
from tests.compatibility import rules
from tests.compatibility.exported import Exported
from tests.compatibility.row import EXAMPLES, Row
from tests.compatibility.verdicts import (
    CLOSE,
    CRASHED,
    DIFFERS,
    EIGHT_BITS,
    FAILS,
    HALF,
    WEBGL,
    Verdict,
    as_json,
    compared,
)
from web import tools
from web.checks.driver import run_script
from web.checks.inputs import write_input
from web.conversion import graph_models, tflite
from web.server.site_server import serving
from web.site import layout, offline

FORMS = ("float32", "float16", "quantised")
LITERT = ("litert", "float32")
# Each engine with the forms of the weights that it is tried with, and their limits.
RUNS = {
    ("wasm", "float32"): CLOSE,
    ("cpu", "float32"): CLOSE,
    ("webgl", "float32"): WEBGL,
    ("wasm", "float16"): HALF,
    ("wasm", "quantised"): EIGHT_BITS,
    LITERT: CLOSE,
}
PAGE_SECONDS = 300.0
# For one engine to load a model and to answer, and for all of them.
ENGINE_SECONDS, BROWSER_SECONDS = 60.0, 300.0


def build_page(folder: Path) -> None:
    """Writes the product's page with all operations and kernels into the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    vite = require(WEB / "node_modules" / "vite" / "bin" / "vite.js")
    command = [require(NODE), vite, "build", "--configLoader", "native", "--logLevel", "warn"]
    environment = {"NODE_ENV": "production", "NO_COLOR": "1", "FANOUT_NEEDS": ""}
    tools.run("vite", [*command, "--outDir", folder], environment, seconds=PAGE_SECONDS)


def placed(page: Path, exported: Exported, site: Path) -> None:
    """Makes a site of the page and the row's contract; it has no model yet."""
    shutil.copytree(page, site, copy_function=os.link)
    (site / "model").mkdir()
    (site / layout.CONTRACT).write_text(contract_text(exported.spec("web", FORMS)))


def add_graph_models(exported: Exported, site: Path) -> list[str]:
    """Adds the TensorFlow.js models; returns the rules that applied.

    Raises ConversionError with the product's reason when it refuses the model.
    """
    spec = exported.spec("web", FORMS)
    examples = partial(calibration_inputs, spec, exported.config.examples)
    with rules.of_web() as applied:
        graph_models.write(exported.saved_model, layout.model_folders(site, FORMS), examples)
    return applied


def add_tflite(exported: Exported, site: Path, made: Path) -> bool:
    """Adds the file for LiteRT.js; returns whether the product offers the row on LiteRT.js.

    Args:
        made: the mobile target's float32 file. Where it is there, it is not converted again: the
            product would make the same bytes in the same way.
    """
    spec = exported.spec("web", FORMS)
    if not made.is_file():
        return tflite.add(exported.saved_model, site, spec=spec, config=exported.config) is not None
    offered = all(tensor.dtype in tflite.TYPES for tensor in spec.inputs)
    if offered:
        shutil.copy(made, layout.tflite_file(site, spec.name))
    return offered


def answered(
    row: Row, exported: Exported, site: Path, runs: list[tuple[str, str]], scratch: Path
) -> dict[str, Any]:
    """Returns the verdict on each engine and form of the weights, as ``wasm float32``."""
    spec = exported.spec("web", FORMS)
    expected = exported.expected()
    answers: dict[tuple[str, str], dict[str, Array]] = {run: {} for run in runs}
    verdicts: dict[tuple[str, str], Verdict] = {}
    for output in spec.outputs:
        # A page answers with the first output of its contract.
        others = tuple(each for each in spec.outputs if each.name != output.name)
        asked = replace(spec, outputs=(output, *others))
        (site / layout.CONTRACT).write_text(contract_text(asked))
        offline.write_site(site, asked, "0" * 16)
        left = [run for run in runs if run not in verdicts]
        rows = _asked(exported, site, left, scratch)
        for run in left:
            if "error" in rows[_key(run)]:
                verdicts[run] = _failure(rows[_key(run)], run[0])
                continue
            values = _values(scratch / _key(run), run[0], expected[output.name])
            if values is None:
                size = (scratch / _key(run)).stat().st_size
                reason = f"output {output.name!r} has {size} bytes"
                verdicts[run] = Verdict(DIFFERS, reason=reason)
            else:
                answers[run][output.name] = values
    for run in runs:
        if run not in verdicts:
            classes = row.classes and run[1] == "quantised"
            verdicts[run] = compared(answers[run], expected, RUNS[run], classes=classes)
    return {f"{engine} {form}": as_json(verdicts[engine, form]) for engine, form in runs}


def _asked(
    exported: Exported, site: Path, runs: list[tuple[str, str]], scratch: Path
) -> dict[str, Any]:
    scratch.mkdir(exist_ok=True)
    inputs = {
        name: write_input(scratch, name, np.load(file))
        for file in exported.inputs.glob("input.*.npy")
        for name in (file.name.removeprefix("input.").removesuffix(".npy"),)
    }
    with serving(site) as url:
        answer = run_script(
            "check",
            {
                "url": url,
                "runs": {
                    _key((engine, form)): {
                        "engine": engine,
                        "weights": form,
                        "examples": EXAMPLES,
                        "outputs": str(scratch / _key((engine, form))),
                        "timeout": ENGINE_SECONDS * 1000,
                    }
                    for engine, form in runs
                },
                "inputs": inputs,
                "batch": EXAMPLES,
                "timed": 1,
                "parallel": 2,
                "timeout": ENGINE_SECONDS * 1000,
                "traceTimeout": ENGINE_SECONDS * 500,
            },
            seconds=BROWSER_SECONDS,
        )
    rows: dict[str, Any] = answer["rows"]
    return rows


def _key(run: tuple[str, str]) -> str:
    return ".".join(run)


def _failure(measured: Mapping[str, Any], engine: str) -> Verdict:
    reason, operation = measured["error"], measured.get("operation")
    crashed = any(sign in reason for sign in ("crash", "no answer within", "closed"))
    if operation:
        from web.refusals import refusal

        reason = refusal(reason, operation, engine)
    return Verdict(CRASHED if crashed else FAILS, reason=reason)


def _values(file: Path, engine: str, expected: Array) -> Array | None:
    """Returns an answer in the shape of the SavedModel's; None if it has another size."""
    # LiteRT.js' answers are converted by the page; TensorFlow.js has one integer type.
    kind = "f" if engine == "litert" else expected.dtype.kind
    stored = {"b": np.uint8, "i": np.int32, "u": np.int32}.get(kind, np.float32)
    values = np.fromfile(file, stored)
    return values.reshape(expected.shape) if values.size == expected.size else None
