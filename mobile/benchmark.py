"""Size and speed of every variant in both edge runtimes, as a Markdown table.

    python -m mobile.benchmark RELEASE [--rounds 2000]

RELEASE is a release's folder, such as build/fashion/releases/current. Runs follow one another, so
that none slows another down. A float32 file with an open batch, made from the release's SavedModel,
shows what the fixed batch is worth.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobile.runtimes import RUNTIMES, EdgeRuntime, RuntimeFailedError, run
from models.contract import SIGNATURE_TENSORS
from pipeline.errors import FanoutError, UserError

OPEN_BATCH = "float32, open batch"
_HEADER = (
    "| variant | bytes | runtime | load | p50 | p95 | p50, {cores} threads | peak memory |\n"
    "|---|--:|---|--:|--:|--:|--:|--:|"
)


def benchmark(release: Path, rounds: int) -> Iterator[str]:
    """Yields the table line by line, as it is measured.

    Raises:
        UserError: the release has no model or no examples.
    """
    models = {_variant(file): file for file in sorted((release / "mobile").glob("*.tflite"))}
    if not models:
        raise UserError(f"{release}/mobile has no .tflite file; name a release's folder")
    with tempfile.TemporaryDirectory(prefix="mobile-benchmark-") as folder:
        scratch = Path(folder)
        _save_inputs(release / "golden.json", scratch, rounds)
        saved_model = next(iter(sorted((release / "serving").glob("*/*/saved_model.pb"))), None)
        if saved_model is not None:
            models[OPEN_BATCH] = scratch / "open-batch.tflite"
            models[OPEN_BATCH].write_bytes(_with_open_batch(saved_model.parent))
        yield _HEADER.format(cores=os.cpu_count())
        for variant, file in models.items():
            for runtime in RUNTIMES:
                yield _row(variant, file, runtime, scratch)


def _row(variant: str, file: Path, runtime: EdgeRuntime, scratch: Path) -> str:
    try:
        one = _figures(runtime, file, scratch, threads=1)
        all_cores = _figures(runtime, file, scratch, threads=os.cpu_count() or 1)
    except RuntimeFailedError as error:
        return f"| {variant} | {file.stat().st_size:,} | {runtime.label()} | {error} |"
    return (
        f"| {variant} | {file.stat().st_size:,} | {runtime.label()} | {one['load_ms']:.1f} ms | "
        f"{one['p50_ms'] * 1000:.0f} µs | {one['p95_ms'] * 1000:.0f} µs | "
        f"{all_cores['p50_ms'] * 1000:.0f} µs | {one['peak_mib']:.0f} MiB |"
    )


def _figures(runtime: EdgeRuntime, file: Path, scratch: Path, *, threads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=scratch) as own:
        return run(runtime, file, scratch, Path(own), threads=threads).figures


def _save_inputs(golden: Path, folder: Path, rounds: int) -> None:
    """Writes the release's golden examples, again and again, as the runner reads them."""
    if not golden.is_file():
        raise UserError(f"{golden} is missing; name a release's folder")
    examples = json.loads(golden.read_text())["examples"]
    contract = json.loads(golden.with_name("contract.json").read_text())
    for tensor in contract["inputs"]:
        values = np.array(
            [example["inputs"][tensor["name"]] for example in examples], tensor["dtype"]
        )
        rows = np.resize(np.arange(len(values)), rounds)
        np.save(folder / f"input.{tensor['name']}.npy", values[rows])


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
    parser.add_argument("release", type=Path)
    parser.add_argument("--rounds", type=int, default=2000)
    options = parser.parse_args()
    try:
        for line in benchmark(options.release, max(1, options.rounds)):
            print(line, flush=True)
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
