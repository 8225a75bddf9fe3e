"""The edge runtimes, each run in a process of its own: a crash there is an answer, not an end."""

import importlib.metadata
import json
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
# What interpreters print of themselves when all is well.
_CHATTER = ("INFO:", "WARNING:", "W0000", "I0000")


class RuntimeFailedError(Exception):
    """The runtime did not answer; the message is its last words."""


@dataclass(frozen=True)
class EdgeRuntime:
    """A runtime that is installed in the edge environment.

    Attributes:
        title: what people call it.
        module: its Python package; the distribution has the same name with hyphens.
        release: the TensorFlow release whose operators it has; None for the newest.
    """

    title: str
    module: str
    release: str | None

    def label(self) -> str:
        """Returns its title and installed version, such as ``LiteRT 2.3.0``."""
        environment = require(EDGE_PYTHON).parents[1]
        paths = [str(path) for path in environment.glob("lib/python3*/site-packages")]
        found = importlib.metadata.distributions(name=self.module.replace("_", "-"), path=paths)
        return " ".join([self.title, *(distribution.version for distribution in found)])


RUNTIMES = (
    EdgeRuntime("tflite-runtime", "tflite_runtime", LAST_TFLITE_RUNTIME),
    EdgeRuntime("LiteRT", "ai_edge_litert", None),
)


@dataclass(frozen=True)
class Latency:
    """How long one prediction takes, in milliseconds."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Answer:
    """What a runtime made of the examples.

    Attributes:
        outputs: for each output of the signature, one row an example, as real numbers.
        figures: ``version``, ``load_ms``, ``p50_ms``, ``p95_ms`` and ``peak_mib``.
    """

    outputs: dict[str, Array]
    figures: dict[str, Any]


def run(
    runtime: EdgeRuntime, model: Path, inputs: Path, scratch: Path, *, threads: int = 1
) -> Answer:
    """Returns what the runtime answers to the examples in ``inputs``, one at a time.

    Args:
        inputs: a folder with ``input.<name>.npy``.
        scratch: an empty folder for this run alone.
        threads: how many the interpreter may use.

    Raises:
        RuntimeFailedError: it did not load the file, raised, crashed, or took too long.
        UserError: the edge environment is not installed.
    """
    _python([RUNNER, "--threads", str(threads), runtime.module, model, inputs, scratch])
    outputs = {
        file.name.removeprefix("output.").removesuffix(".npy"): np.load(file)
        for file in scratch.glob("output.*.npy")
    }
    return Answer(outputs, json.loads((scratch / "figures.json").read_text()))


def latencies(
    runtime: EdgeRuntime, models: Sequence[Path], inputs: Path, threads: Sequence[int], rounds: int
) -> list[dict[int, Latency]]:
    """Returns, for each model, its times by number of threads, measured turn by turn.

    Args:
        inputs: a folder with ``input.<name>.npy``.
        rounds: how often each model has its turn.

    Raises:
        RuntimeFailedError: one of the models did not load, raised or crashed.
        UserError: the edge environment is not installed.
    """
    counts = ["--threads", *map(str, threads), "--rounds", str(rounds)]
    printed = _python([LATENCY, runtime.module, inputs, *models, *counts])
    return [
        {int(count): Latency(**times) for count, times in found.items()}
        for found in json.loads(printed.splitlines()[-1])
    ]


def _python(arguments: Sequence[str | Path]) -> str:
    """Returns what a program of the edge environment printed."""
    try:
        process = subprocess.run(
            # -I: neither the pipeline's packages nor the user's may stand in for the device's.
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
    said = [line for line in lines if line and not line.startswith(_CHATTER)]
    words = said[-1] if said else "it said nothing"
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return f"the interpreter crashed with {name}: {words}"
    return words
