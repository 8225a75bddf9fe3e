"""The edge runtimes. Each runs in a separate process, so a crash is a result, not the end."""

import importlib.metadata
import json
import math
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.toolchain import EDGE_PYTHON, require
from mobile.conversion.runtime_versions import LAST_TFLITE_RUNTIME

RUNNER = Path(__file__).resolve().with_name("runner.py")
LATENCY = RUNNER.with_name("latency.py")
TIMEOUT_S = 900
# Prefixes of what interpreters print even when nothing is wrong.
_CHATTER = ("INFO:", "WARNING:", "W0000", "I0000")


class RuntimeFailedError(Exception):
    """The runtime did not answer; the message is the last line that it printed."""


@dataclass(frozen=True)
class EdgeRuntime:
    """A runtime that is installed in the edge environment.

    Attributes:
        title: its name for people.
        module: its Python package; the distribution has the same name with hyphens.
        release: the TensorFlow release whose operators it has; None for the newest release.
    """

    title: str
    module: str
    release: str | None

    def label(self) -> str:
        """Returns its title and its installed version, such as ``LiteRT 2.3.0``."""
        environment = require(EDGE_PYTHON).parents[1]
        paths = [str(path) for path in environment.glob("lib/python3*/site-packages")]
        distributions = importlib.metadata.distributions(
            name=self.module.replace("_", "-"), path=paths
        )
        return " ".join([self.title, *(distribution.version for distribution in distributions)])


RUNTIMES = (
    EdgeRuntime("tflite-runtime", "tflite_runtime", LAST_TFLITE_RUNTIME),
    EdgeRuntime("LiteRT", "ai_edge_litert", None),
)


@dataclass(frozen=True)
class Latency:
    """The time of one prediction in milliseconds."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Answer:
    """A runtime's answers to the examples.

    Attributes:
        outputs: for each output of the signature, one row per example, as real numbers.
        figures: ``version``, ``load_ms``, ``p50_ms``, ``p95_ms`` and ``peak_mib``.
    """

    outputs: dict[str, Array]
    figures: dict[str, Any]


def run(
    runtime: EdgeRuntime, model: Path, inputs: Path, scratch: Path, *, threads: int = 1
) -> Answer:
    """Returns the runtime's answers to the examples in ``inputs``, run one at a time.

    Args:
        inputs: a folder with ``input.<name>.npy``.
        scratch: an empty folder that only this run uses.
        threads: the number of threads that the interpreter may use.

    Raises:
        RuntimeFailedError: it did not load the file, raised an error, crashed or took too long.
        UserError: the edge environment is not installed.
    """
    _python([RUNNER, "--threads", str(threads), runtime.module, model, inputs, scratch])
    outputs = {
        file.name.removeprefix("output.").removesuffix(".npy"): np.load(file)
        for file in scratch.glob("output.*.npy")
    }
    return Answer(outputs, json.loads((scratch / "figures.json").read_text()))


def latencies(
    runtime: EdgeRuntime,
    models: Sequence[Path],
    inputs: Path,
    threads: Sequence[int],
    rounds: int,
    seconds: float = math.inf,
) -> list[dict[int, Latency]]:
    """Returns, for each model, its times by number of threads; the models take turns.

    Args:
        inputs: a folder with ``input.<name>.npy``.
        rounds: the number of turns of each model.
        seconds: for each number of threads, no further turn begins after that time.

    Raises:
        RuntimeFailedError: one of the models did not load, raised an error or crashed, or they
            took too long.
        UserError: the edge environment is not installed.
    """
    counts = ["--threads", *map(str, threads), "--rounds", str(rounds)]
    limit = [] if math.isinf(seconds) else ["--seconds", str(seconds)]
    printed = _python([LATENCY, runtime.module, inputs, *models, *counts, *limit])
    return [
        {int(count): Latency(**times) for count, times in by_threads.items()}
        for by_threads in json.loads(printed.splitlines()[-1])
    ]


def _python(arguments: Sequence[str | Path]) -> str:
    """Runs a program in the edge environment and returns what it printed."""
    try:
        process = subprocess.run(
            # -I: the pipeline's and the user's packages must not replace the device's.
            [require(EDGE_PYTHON), "-I", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeFailedError(f"no answer within {TIMEOUT_S} s") from error
    if process.returncode:
        raise RuntimeFailedError(_last_words(process))
    return process.stdout


def _last_words(process: "subprocess.CompletedProcess[str]") -> str:
    lines = [line.strip() for line in process.stderr.splitlines()]
    messages = [line for line in lines if line and not line.startswith(_CHATTER)]
    words = messages[-1] if messages else "it printed nothing"
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return f"the interpreter crashed with {name}: {words}"
    return words
