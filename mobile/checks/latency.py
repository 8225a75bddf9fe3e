"""Times .tflite files against each other in one edge runtime: in one process, taking turns.

    python -I latency.py tflite_runtime INPUTS --threads 1 2 --rounds 20 MODEL.tflite …

INPUTS holds ``input.<name>.npy``. All models are open at once and predict in turn, so other load
on the machine affects all of them equally. With --seconds, no further round begins after that time:
threads that wait for one another on busy cores take a hundred times as long as on free ones. It
prints a JSON list: for each model and each number of threads, ``p50_ms`` and ``p95_ms`` of a
prediction. Like runner.py beside it, which it uses, this file imports nothing from the project.
"""

import argparse
import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent))
from runner import SIGNATURE, Array, quantised  # type: ignore[import-not-found]

# Consecutive predictions: the caches then hold this model's weights, as if it were the only one.
_BURST = 25
_WARM_UP = 5


def measure(
    module: str,
    models: list[Path],
    inputs: dict[str, Array],
    threads: list[int],
    rounds: int,
    seconds: float,
) -> list[dict[str, dict[str, float]]]:
    """Returns, for each model, its times by number of threads.

    For each number there are at most ``rounds`` rounds. The last one begins before ``seconds`` have
    passed, and there is always one.
    """
    interpreters = importlib.import_module(f"{module}.interpreter")
    latencies: list[dict[str, dict[str, float]]] = [{} for _ in models]
    for count in threads:
        loaded = [interpreters.Interpreter(str(model), num_threads=count) for model in models]
        for interpreter in loaded:
            interpreter.allocate_tensors()  # hands operators to XNNPACK; see runner.py
        runners = [interpreter.get_signature_runner(SIGNATURE) for interpreter in loaded]
        times: list[list[int]] = [[] for _ in models]
        end = time.monotonic() + seconds
        for turn in range(-1, rounds):
            if turn > 0 and time.monotonic() > end:
                break
            # Every second turn has the reverse order, so no model always follows the same one.
            order = range(len(models)) if turn % 2 else reversed(range(len(models)))
            for place in order:
                if turn < 0:
                    _burst(runners[place], inputs, 0, _WARM_UP)
                else:
                    times[place] += _burst(runners[place], inputs, turn, _BURST)
        for place, taken in enumerate(times):
            middle, slow = np.percentile(taken, [50, 95])
            latencies[place][str(count)] = {
                "p50_ms": round(middle / 1e6, 4),
                "p95_ms": round(slow / 1e6, 4),
            }
    return latencies


def _burst(runner: Any, inputs: dict[str, Array], turn: int, count: int) -> list[int]:
    details = runner.get_input_details()
    row = turn % len(next(iter(inputs.values())))
    example = {
        name: quantised(values[row : row + 1], details[name]) for name, values in inputs.items()
    }
    runner(**example)
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        runner(**example)
        times.append(time.perf_counter_ns() - start)
    return times


def main() -> int:
    """Returns the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("module", choices=("tflite_runtime", "ai_edge_litert"))
    parser.add_argument("inputs", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=math.inf)
    options = parser.parse_args()
    inputs = {
        file.name.removeprefix("input.").removesuffix(".npy"): np.load(file, mmap_mode="r")
        for file in sorted(options.inputs.glob("input.*.npy"))
    }
    try:
        latencies = measure(
            options.module,
            options.models,
            inputs,
            options.threads,
            options.rounds,
            options.seconds,
        )
    except Exception as error:  # whatever the interpreter raises is reported
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    print(json.dumps(latencies))
    return 0


if __name__ == "__main__":
    sys.exit(main())
