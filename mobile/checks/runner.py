"""Runs a .tflite file on saved examples as a device would: with numpy and one edge runtime.

    python -I runner.py tflite_runtime MODEL.tflite INPUTS OUTPUTS [--threads 1]

INPUTS holds ``input.<name>.npy`` with one row per example. OUTPUTS gets ``output.<name>.npy`` with
one row per example, and ``figures.json``. Every example is a separate prediction. An error is one
line on stderr and exit code 1. This file imports nothing from the project: it runs in an
environment that has none of the pipeline's packages.
"""

import argparse
import importlib
import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SIGNATURE = "serving_default"
_WARM_UP = 20


def run(module: str, model: Path, inputs_dir: Path, outputs_dir: Path, threads: int) -> None:
    """Writes the outputs and figures.

    Args:
        module: ``tflite_runtime`` or ``ai_edge_litert``.
        threads: the number of threads that the interpreter may use.

    Raises:
        ValueError: the file is not a model, or its signature does not fit the inputs.
    """
    interpreter_module = importlib.import_module(f"{module}.interpreter")
    inputs = {
        file.name.removeprefix("input.").removesuffix(".npy"): np.load(file, mmap_mode="r")
        for file in sorted(inputs_dir.glob("input.*.npy"))
    }
    start = time.perf_counter_ns()
    interpreter = interpreter_module.Interpreter(model_path=str(model), num_threads=threads)
    # Only this call makes tflite-runtime hand operators to XNNPACK: a signature's runner alone
    # computes without it and takes up to 1.5 times as long.
    interpreter.allocate_tensors()
    load_ms = _milliseconds(time.perf_counter_ns() - start)
    if SIGNATURE not in interpreter.get_signature_list():
        raise ValueError(f"the file has no signature {SIGNATURE!r}")
    signature = interpreter.get_signature_runner(SIGNATURE)
    wanted = signature.get_input_details()
    if set(wanted) != set(inputs):
        raise ValueError(f"the file takes inputs {sorted(wanted)}, not {sorted(inputs)}")
    for name, values in inputs.items():
        shape = tuple(int(size) for size in wanted[name]["shape"])
        # The signature's runner would resize the tensor and fail later, less clearly or worse.
        if (1, *values.shape[1:]) != shape:
            raise ValueError(f"input {name!r} has the shape {shape}, not {(1, *values.shape[1:])}")
    # Measured before all examples are read: they are mapped into memory and would count too.
    _predict(signature, {name: values[:_WARM_UP] for name, values in inputs.items()}, wanted)
    peak_mib = _peak_mib()
    outputs, times = _predict(signature, inputs, wanted)
    for name, values in outputs.items():
        np.save(outputs_dir / f"output.{name}.npy", values)
    figures = {
        "version": importlib.metadata.version(module.replace("_", "-")),
        "load_ms": load_ms,
        "p50_ms": _milliseconds(float(np.percentile(times, 50))),
        "p95_ms": _milliseconds(float(np.percentile(times, 95))),
        "peak_mib": peak_mib,
    }
    (outputs_dir / "figures.json").write_text(json.dumps(figures))


def _predict(
    signature: Any, inputs: dict[str, Array], details: dict[str, Any]
) -> tuple[dict[str, Array], Array]:
    count = len(next(iter(inputs.values())))
    output_details = signature.get_output_details()
    outputs: dict[str, Array] = {}
    times = np.empty(count, dtype=np.int64)
    for row in range(count):
        example = {
            name: quantised(values[row : row + 1], details[name]) for name, values in inputs.items()
        }
        start = time.perf_counter_ns()
        answer = signature(**example)
        times[row] = time.perf_counter_ns() - start
        for name, value in answer.items():
            real = dequantised(value, output_details[name])
            if name not in outputs:
                outputs[name] = np.empty((count, *real.shape[1:]), real.dtype)
            outputs[name][row] = real[0]
    return outputs, times


def quantised(values: Array, details: dict[str, Any]) -> Array:
    """Returns values in the input tensor's form: quantised by its scale, strings as bytes."""
    dtype = np.dtype(details["dtype"])
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8")
    scale, zero_point = details["quantization"]
    if values.dtype == dtype or values.dtype.kind == "S" or not scale:
        return np.asarray(values)
    limits = np.iinfo(dtype)
    steps = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max)
    return np.asarray(steps, dtype)


def dequantised(values: Array, details: dict[str, Any]) -> Array:
    """Returns the output tensor's values as real numbers."""
    scale, zero_point = details["quantization"]
    if not scale or values.dtype.kind == "f":
        return values
    return np.asarray((values.astype(np.float32) - zero_point) * scale, np.float32)


def _peak_mib() -> float:
    """Returns the peak memory of this process, including Python and numpy.

    getrusage's figure includes the parent's memory at the time it started this process.
    """
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024, 1)


def _milliseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 4)


def main() -> int:
    """Returns the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("module", choices=("tflite_runtime", "ai_edge_litert"))
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        run(options.module, options.model, options.inputs, options.outputs, options.threads)
    except Exception as error:  # whatever the interpreter raises is reported
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
