"""Size, speed and memory of every variant in both edge runtimes, as a Markdown table.

    python -m benchmarks.mobile [RELEASE] [--rounds 100]

RELEASE is a release's folder; the default is the current release of $MODEL and $PROFILE. In each
runtime, all files are open in one process and predict in turn, so the ratios also hold on a busy
machine. A float32 file with an open batch, made from the release's SavedModel, shows the gain from
the fixed batch.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import FanoutError, UserError
from mobile.checks.runtimes import (
    RUNTIMES,
    EdgeRuntime,
    Latency,
    RuntimeFailedError,
    latencies,
    run,
)
from mobile.conversion.variants import VARIANTS
from models.contract import SIGNATURE_TENSORS
from pipeline.release.release import current_folder
from pipeline.settings.config import Config
from pipeline.targets import part

BASE = "float32"
OPEN_BATCH = "float32, open batch"
_HEADER = (
    "| variant | runtime | size | accuracy | p50 | p95 | against float32 | p50, {cores} threads "
    "| load | peak memory |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def benchmark(release: Path, rounds: int) -> Iterator[str]:
    """Yields the table line by line, as it is measured.

    Args:
        rounds: the number of turns for each file; a turn is 25 predictions.

    Raises:
        UserError: the release has no model or no examples.
    """
    files = {_variant(file): file for file in (release / "mobile").glob("*.tflite")}
    models = {name: files[name] for name in VARIANTS if name in files}
    if not models:
        raise UserError(f"{release}/mobile has no .tflite file; pass the folder of a release")
    with tempfile.TemporaryDirectory(prefix="mobile-benchmark-") as folder:
        scratch = Path(folder)
        _save_inputs(release / "golden.json", scratch)
        models[OPEN_BATCH] = scratch / "open-batch.tflite"
        contract = json.loads((release / "contract.json").read_text())
        served = part(release, "serving", model=contract["model"], version=contract["version"])
        models[OPEN_BATCH].write_bytes(_with_open_batch(served))
        yield _HEADER.format(cores=os.cpu_count())
        for runtime in RUNTIMES:
            yield from _rows(runtime, models, scratch, rounds, _accuracies(release, runtime))


def _rows(
    runtime: EdgeRuntime,
    models: Mapping[str, Path],
    scratch: Path,
    rounds: int,
    accuracies: Mapping[str, float],
) -> Iterator[str]:
    cores = os.cpu_count() or 1
    alone: dict[str, dict[str, Any]] = {}
    for variant, file in models.items():
        try:
            with tempfile.TemporaryDirectory(dir=scratch) as run_folder:
                alone[variant] = run(runtime, file, scratch, Path(run_folder)).figures
        except RuntimeFailedError as error:
            yield f"| {variant} | {runtime.label()} | {_size(file)} | {error} |||||||"
    counts = sorted({1, cores})
    try:
        times = latencies(runtime, [models[name] for name in alone], scratch, counts, rounds)
    except RuntimeFailedError as error:
        raise UserError(f"{runtime.label()} failed during the timing: {error}") from error
    by_variant = dict(zip(alone, times, strict=True))
    for variant, by_threads in by_variant.items():
        figures = alone[variant]
        accuracy = f"{accuracies[variant]:.4f}" if variant in accuracies else ""
        yield (
            f"| {variant} | {runtime.label()} | {_size(models[variant])} | {accuracy} "
            f"| {_us(by_threads[1].p50_ms)} | {_us(by_threads[1].p95_ms)} "
            f"| {_ratio(by_variant, variant)} "
            f"| {_us(by_threads[cores].p50_ms)} | {figures['load_ms']:.1f} ms "
            f"| {figures['peak_mib']:.0f} MiB |"
        )


def _ratio(times: Mapping[str, Mapping[int, Latency]], variant: str) -> str:
    """Returns the number of predictions of this variant in the time of one with float32."""
    if BASE not in times:
        return ""
    return f"{times[BASE][1].p50_ms / times[variant][1].p50_ms:.2f} ×"


def _accuracies(release: Path, runtime: EdgeRuntime) -> dict[str, float]:
    """Returns the accuracies that the release's own checks measured on the test set, by variant."""
    file = release / "manifest.json"
    rows = json.loads(file.read_text())["checks"] if file.is_file() else []
    return {
        row["variant"]: row["accuracy"]
        for row in rows
        if row["target"] == "mobile" and row["runtime"] == runtime.label() and row["accuracy"]
    }


def _us(milliseconds: float) -> str:
    return f"{milliseconds * 1000:.0f} µs"


def _size(file: Path) -> str:
    return f"{file.stat().st_size:,}"


def _save_inputs(golden: Path, folder: Path) -> None:
    """Writes the release's golden examples in the format that the runner reads."""
    if not golden.is_file():
        raise UserError(f"{golden} is missing; pass the folder of a release")
    examples = json.loads(golden.read_text())["examples"]
    contract = json.loads(golden.with_name("contract.json").read_text())
    for tensor in contract["inputs"]:
        values = np.array(
            [example["inputs"][tensor["name"]] for example in examples], tensor["dtype"]
        )
        np.save(folder / f"input.{tensor['name']}.npy", values)


def _with_open_batch(saved_model: Path) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[SIGNATURE_TENSORS]
    )
    content: bytes = converter.convert()
    return content


def _variant(file: Path) -> str:
    return file.name.removesuffix(".tflite").rpartition(".")[2]


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Size and speed of every .tflite variant.")
    parser.add_argument("release", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    try:
        for line in benchmark(
            options.release.resolve()
            if options.release
            else current_folder(Config.named_by_environment().build),
            max(1, options.rounds),
        ):
            print(line, flush=True)
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
