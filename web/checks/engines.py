"""Runs the golden set through a site's own model runner in Chromium, on every engine."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.checks import FAILED, PASSED, Check, compare, failure, for_few
from core.agreement.golden import Golden
from core.agreement.left_out import reason_file
from core.agreement.target import Artifacts
from core.errors import FanoutError
from models.spec import Limits
from web.checks.driver import run_script
from web.checks.tensors import read_output, write_input
from web.refusals import refusal
from web.server.site_server import serving
from web.site import layout

# In table order, with the page's default first.
BACKENDS = ("wasm", "cpu", "webgl")
# Every engine with float32 weights, and every form of the weights on the default engine, runs a
# fifth of the examples: WebGL without a graphics card and plain JavaScript take about 15 ms per
# example. In the other pairs, engine and weights are both checked elsewhere: they run the fewest.
PART, LEAST = 5, 256
REFERENCE = "float32"
# Large enough that WebGL without a graphics card spends its time on the model, not on the calls.
# The bytes of inputs and outputs are bounded too: between its layers, a network of the usual size
# holds several times as many.
BATCH, BATCH_BYTES = 128, 8 * 2**20
# The time for a run's examples, and how many are run all the same. Small models need a tenth of it
# for all examples; in plain JavaScript, a network for pictures of 224 x 224 takes seconds for each.
# Half the time is for extreme inputs, of which the first are the ends of the ranges.
BUDGET_SECONDS, FEWEST, FEWEST_EXTREMES = 40.0, 8, 3
TIMED = 50
# Pages that run at a time. With one fewer, WebAssembly, which has one thread, would leave a core
# idle.
PARALLEL = 2
# For loading a model, for a batch, and for all timed predictions: no model takes as long.
STEP_SECONDS = 300.0
# For running a failed row's first examples again, to find the operation at which it fails.
TRACE_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """One engine with one form of the weights, and its row, still without figures.

    Attributes:
        share: its share of the time and of the fewest examples.
    """

    engine: str
    row: Check
    golden: Golden
    limits: Limits
    share: float = 1.0

    @property
    def name(self) -> str:
        return f"{self.row.variant}.{self.engine}"


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Returns one row per run. A browser that is missing or fails leads to failed rows.

    A model that was not converted gets one failed row per form of the weights, with the reason.
    """
    if refused := _refused(artifacts, limits):
        return refused
    runs = _runs(artifacts, golden, limits)
    try:
        with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
            return _check(artifacts.folder, golden, runs, Path(folder))
    except FanoutError as error:
        return [failure(run.row, str(error), limits=run.limits) for run in runs]


def _runs(artifacts: Artifacts, golden: Golden, limits: Mapping[str, Limits]) -> list[Run]:
    pairs = [(variant, backend) for variant in limits for backend in BACKENDS]
    if layout.tflite_file(artifacts.folder, artifacts.model).is_file():
        pairs.append((REFERENCE, "litert"))
    runs: list[Run] = []
    for variant, engine in pairs:
        checked_elsewhere = variant != REFERENCE and engine != BACKENDS[0]
        count = LEAST if checked_elsewhere else max(LEAST, len(golden.examples) // PART)
        examples = golden.head(count) if runs else golden
        row = Check("web", variant, _title(engine), FAILED, bytes=_size(artifacts, variant, engine))
        row_limits = limits.get(variant, next(iter(limits.values())))
        runs.append(Run(engine, row, examples, row_limits, 0.5 if checked_elsewhere else 1.0))
    return runs


def _refused(artifacts: Artifacts, limits: Mapping[str, Limits]) -> list[Check]:
    rows = []
    for variant, folder in artifacts.variants.items():
        reason = reason_file(folder)
        if variant in limits and reason.is_file():
            row = Check("web", variant, "TensorFlow.js", FAILED)
            rows.append(failure(row, reason.read_text().strip(), limits=limits[variant]))
    return rows


def _check(site: Path, golden: Golden, runs: list[Run], folder: Path) -> list[Check]:
    inputs = {
        name: write_input(folder / f"input.{place}", name, values)
        for place, (name, values) in enumerate(golden.inputs.items())
    }
    outputs = {run.name: _output_files(run, folder) for run in runs}
    with serving(site) as url:
        answer = run_script(
            "check",
            {
                "url": url,
                "runs": {
                    run.name: {
                        "engine": run.engine,
                        "weights": run.row.variant,
                        "examples": len(run.golden) - run.golden.extremes,
                        "least": round(FEWEST * run.share),
                        "budget": BUDGET_SECONDS * run.share * 1000,
                        "kernels": run.engine not in {other.engine for other in runs[:place]},
                        "outputs": {name: str(file) for name, file in outputs[run.name].items()},
                    }
                    for place, run in enumerate(runs)
                },
                "inputs": inputs,
                "rows": len(golden),
                "extremes": golden.extremes,
                "leastExtremes": FEWEST_EXTREMES,
                "batch": _batch(golden),
                "timed": TIMED,
                "parallel": PARALLEL,
                "timeout": STEP_SECONDS * 1000,
                "traceTimeout": TRACE_SECONDS * 1000,
            },
            # Loading, a batch over the time, the timing, the kernels; and finding what failed.
            seconds=len(runs) * (2 * BUDGET_SECONDS + 4 * STEP_SECONDS + TRACE_SECONDS),
        )
    return [
        _verdict(run, answer["rows"][run.name], outputs[run.name], answer["browser"])
        for run in runs
    ]


def _batch(golden: Golden) -> int:
    """Returns how many examples a page takes at once."""
    arrays = (*golden.inputs.values(), *golden.outputs.values())
    row = sum(values.nbytes for values in arrays) // len(golden)
    return max(1, min(BATCH, BATCH_BYTES // max(row, 1)))


def _output_files(run: Run, folder: Path) -> dict[str, Path]:
    # Names of outputs may hold slashes.
    return {
        name: folder / f"{run.name}.output.{place}" for place, name in enumerate(run.golden.outputs)
    }


def _verdict(
    run: Run, measured: Mapping[str, Any], files: Mapping[str, Path], browser: str
) -> Check:
    if "error" in measured:
        row = replace(run.row, runtime=f"{run.row.runtime} ({browser})")
        reason, operation = measured["error"], measured.get("operation")
        if operation:
            reason = refusal(reason, operation, run.engine)
        return failure(row, reason, limits=run.limits)
    row = replace(
        run.row,
        runtime=f"{measured['version']} {_backend(run.engine)} ({browser})",
        p50_ms=measured["p50Ms"],
    ).with_figures(first_ms=measured["firstMs"], wire_bytes=measured["wireBytes"])
    golden = _ran(run.golden, measured["examples"], measured["extremes"])
    outputs = {name: read_output(files[name], values) for name, values in golden.outputs.items()}
    limits = for_few(run.limits, measured["examples"])
    return with_problems(compare(outputs, golden, limits, row=row), measured["problems"])


def _ran(golden: Golden, examples: int, extremes: int) -> Golden:
    """Returns the first examples, and the first of the extreme inputs behind all of them."""
    first = len(golden) - golden.extremes
    rows = np.concatenate([np.arange(examples), np.arange(first, first + extremes)])
    return replace(golden.rows(rows), extremes=extremes)


def with_problems(row: Check, problems: list[str]) -> Check:
    """Returns the row, which fails if the page did something a released page must not do."""
    if not problems:
        return row
    reasons = ([] if row.status == PASSED else [row.reason]) + list(dict.fromkeys(problems))[:3]
    return replace(row, status=FAILED, reason="; ".join(reasons))


def _title(engine: str) -> str:
    return f"{'LiteRT.js' if engine == 'litert' else 'TensorFlow.js'} {_backend(engine)}"


def _backend(engine: str) -> str:
    return "wasm" if engine == "litert" else engine


def _size(artifacts: Artifacts, variant: str, engine: str) -> int:
    """Returns the size in bytes of graph and weights, without their compressed copies."""
    if engine == "litert":
        return layout.tflite_file(artifacts.folder, artifacts.model).stat().st_size
    files = artifacts.variants[variant].glob("*")
    return sum(
        file.stat().st_size for file in files if file.name == "model.json" or file.suffix == ".bin"
    )
