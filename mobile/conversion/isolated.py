"""Converts in a child process: what ends it, or never returns, is one variant's reason.

The child's folder has ``job.json`` (the SavedModel, its inputs and outputs, the time limit) and
``calibration/<input>.npy``, which comes while the child starts. The child writes
``<variant>.tflite`` or ``<variant>.txt`` with a reason, ``loops.txt`` with the layers that have
loops, or ``refused.txt`` when the SavedModel does not fit the spec.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.agreement.refusal import Refusal
from core.arrays import Array
from core.files import sha256
from core.toolchain import ROOT
from mobile.conversion import child
from mobile.conversion.conversion import ConversionError
from mobile.conversion.refusals import RUNTIME
from mobile.conversion.variants import VARIANTS
from models.spec import ModelSpec, Tensor
from models.tracing import LAYER_STEPS

# For one variant. The largest that was measured took 17 s, on a machine that was busy.
SECONDS = 900.0
# Larger files are not kept in memory, and their conversion takes longer than a child's start.
KEPT_BYTES = 1 << 26


def convert(
    saved_model: Path,
    spec: ModelSpec,
    variants: list[str],
    calibration: Callable[[], Mapping[str, Array]],
    *,
    seconds: float = SECONDS,
) -> dict[str, bytes | ConversionError]:
    """Returns each variant's .tflite file, or why there is none.

    Args:
        saved_model: the SavedModel's folder.
        spec: says which inputs and outputs the SavedModel has.
        variants: their names in VARIANTS.
        calibration: returns raw inputs by name, one row per example; called if a variant needs
            them.
        seconds: the time limit for one variant.

    Raises:
        ConversionError: the SavedModel has other inputs or outputs than the spec says.
        Exception: what ``calibration`` raises.
    """
    kept = _kept(_digests(saved_model), spec.inputs, spec.outputs)
    made: dict[str, bytes | ConversionError] = {
        each: kept[each] for each in variants if each in kept
    }
    # Those that need examples come last: the examples are read meanwhile.
    waiting = sorted(set(variants) - set(made), key=list(VARIANTS).index)
    with tempfile.TemporaryDirectory(prefix="fanout-convert-") as name:
        folder = Path(name)
        _describe(folder, saved_model, spec, seconds)
        while waiting:
            process = _start(folder, waiting)
            try:
                if any(VARIANTS[each].calibrated for each in waiting):
                    _save(folder, calibration)
                process.wait()
            finally:
                process.kill()
                process.wait()
            made |= _results(folder, waiting, process.returncode, seconds)
            waiting = [each for each in waiting if each not in made]
    kept.update(
        (name, content)
        for name, content in made.items()
        if isinstance(content, bytes)
        and len(content) < KEPT_BYTES
        and not VARIANTS[name].calibrated
    )
    return {each: made[each] for each in variants}


@lru_cache(maxsize=1)
def _kept(
    digests: tuple[str, ...],  # noqa: ARG001 - the cache's key, like the others
    inputs: tuple[Tensor, ...],  # noqa: ARG001
    outputs: tuple[Tensor, ...],  # noqa: ARG001
) -> dict[str, bytes]:
    """Returns the files of this SavedModel that were made before, to add to.

    The page has the device's float32 file too, and the two seconds in which a child starts would be
    spent twice in one run.
    """
    return {}


def _digests(saved_model: Path) -> tuple[str, ...]:
    return tuple(sha256(file) for file in sorted(saved_model.rglob("*")) if file.is_file())


def _describe(folder: Path, saved_model: Path, spec: ModelSpec, seconds: float) -> None:
    def fields(tensor: Tensor) -> dict[str, object]:
        return {"name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape}

    job = {
        "saved_model": str(saved_model.resolve()),
        "inputs": [fields(tensor) for tensor in spec.inputs],
        "outputs": [fields(tensor) for tensor in spec.outputs],
        "seconds": seconds,
    }
    (folder / "job.json").write_text(json.dumps(job))


def _start(folder: Path, variants: list[str]) -> "subprocess.Popen[bytes]":
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", child.__name__, folder, *variants],
            # Python finds the project here, and no package of the user's.
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "LANG": "C.UTF-8",
                # Conversion rewrites a graph: looking for graphics cards would only take time.
                "CUDA_VISIBLE_DEVICES": "-1",
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _save(folder: Path, calibration: Callable[[], Mapping[str, Array]]) -> None:
    if (folder / "calibration").is_dir():
        return
    partial = folder / "calibration.partial"
    partial.mkdir()
    for name, values in calibration().items():
        np.save(partial / f"{name}.npy", values)
    partial.rename(folder / "calibration")


def _results(
    folder: Path, variants: list[str], code: int, seconds: float
) -> dict[str, bytes | ConversionError]:
    """Returns what the child has made, and why the variant that ended it could not be made."""
    if (folder / "refused.txt").is_file():
        raise ConversionError((folder / "refused.txt").read_text())
    what = _what_happened(folder, code, seconds)
    if not (folder / "loops.txt").is_file():
        # It did not get as far as the first variant.
        return dict.fromkeys(variants, ConversionError(f"{what}, before a variant was begun"))
    made: dict[str, bytes | ConversionError] = {}
    for name in variants:
        content, reason = folder / f"{name}.tflite", folder / f"{name}.txt"
        if content.is_file():
            made[name] = content.read_bytes()
        elif reason.is_file():
            made[name] = ConversionError(reason.read_text())
        else:
            loops = (folder / "loops.txt").read_text()
            return made | {name: ConversionError(_why_ended(name, what, loops))}
    return made


def _what_happened(folder: Path, code: int, seconds: float) -> str:
    if code == -signal.SIGALRM:
        return f"TensorFlow Lite's converter took more than {seconds:g} s"
    if code == -signal.SIGKILL:
        return "TensorFlow Lite's converter was killed, as happens when memory runs out"
    lines = [line.strip() for line in (folder / "log.txt").read_text(errors="replace").splitlines()]
    words = next((line for line in reversed(lines) if line), "it printed nothing")[:300]
    if code < 0:
        return f"TensorFlow Lite's converter crashed with {signal.Signals(-code).name}: {words}"
    return f"TensorFlow Lite's converter failed: {words}"


def _why_ended(variant: str, what: str, loops: str) -> str:
    """Returns why a variant could not be made, and what the author can do."""
    way_out = f"leave the variant {variant} out of the spec's limits"
    if loops and VARIANTS[variant].calibrated:
        # https://github.com/tensorflow/tensorflow/issues/75140
        why = f"its activations cannot be calibrated ({what})"
        unrolled = (
            f"use sequences of at most {LAYER_STEPS} steps, which are exported without a loop"
        )
        way_out = f"{unrolled}, build the layer with unroll=True, or {way_out}"
        return str(Refusal(RUNTIME, "the loop", loops, why, way_out))
    return f"{what}, for the variant {variant}; {way_out}, or make the model smaller"
