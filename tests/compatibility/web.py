"""A row in the browser: converted as the web target does it, run in one page for all rows.

The page is the product's own, built once with all of TensorFlow.js. A release's page holds only
what its model needs; building one for each row would take hours.
"""

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

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
from web.checks.tensors import read_output, write_input
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
    offline.write_site(site, spec, "0" * 16)
    rows = _asked(exported, site, runs, scratch)
    return {
        " ".join(run): as_json(_verdict(row, exported, run, rows[_key(run)], scratch))
        for run in runs
    }


def _verdict(
    row: Row, exported: Exported, run: tuple[str, str], measured: Mapping[str, Any], scratch: Path
) -> Verdict:
    if "error" in measured:
        return _failure(measured, run[0])
    expected = exported.expected()
    answers = {
        name: read_output(_output_file(scratch, run, name), values)
        for name, values in expected.items()
    }
    for name, values in answers.items():
        if values.shape != expected[name].shape:
            return Verdict(DIFFERS, reason=f"output {name!r} has {values.size} numbers")
    classes = row.classes and run[1] == "quantised"
    return compared(answers, expected, RUNS[run], classes=classes)


def _output_file(scratch: Path, run: tuple[str, str], name: str) -> Path:
    return scratch / f"{_key(run)}.{name}"


def _asked(
    exported: Exported, site: Path, runs: list[tuple[str, str]], scratch: Path
) -> dict[str, Any]:
    scratch.mkdir(exist_ok=True)
    inputs = {
        name: write_input(scratch / f"input.{name}", name, np.load(file))
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
                        "least": EXAMPLES,
                        "budget": ENGINE_SECONDS * 1000,
                        "kernels": True,
                        "outputs": {
                            name: str(_output_file(scratch, (engine, form), name))
                            for name in exported.expected()
                        },
                    }
                    for engine, form in runs
                },
                "inputs": inputs,
                "rows": EXAMPLES,
                "extremes": 0,
                "leastExtremes": 0,
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
