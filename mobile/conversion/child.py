"""Converts a SavedModel in a process of its own: python -m mobile.conversion.child JOB VARIANT …

Started by mobile/conversion/isolated.py, which says what is in the folder JOB. TensorFlow Lite's
converter and calibrator can end their process, or never return.
"""

import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from core import imports
from core.arrays import Array
from models.spec import ModelSpec, Output, Tensor


def main(folder: Path, variants: list[str]) -> None:
    """Writes, for each variant, its file or the reason why there is none."""
    _first_to_go()
    job = json.loads((folder / "job.json").read_text())
    _limit(job["seconds"])
    with imports.without_keras(), imports.large():
        import tensorflow  # noqa: F401 - the later imports find it
    from mobile.conversion.conversion import ConversionError, Source
    from mobile.conversion.variants import VARIANTS

    try:
        source = Source(Path(job["saved_model"]), _spec(job))
    except ConversionError as error:
        _write(folder / "refused.txt", str(error).encode())
        return
    _write(folder / "loops.txt", ", ".join(source.loops).encode())
    for name in variants:
        _limit(job["seconds"])
        variant = VARIANTS[name]
        calibration = _calibration(folder) if variant.calibrated else {}
        try:
            content = source.convert(variant, calibration)
        except ConversionError as error:
            _write(folder / f"{name}.txt", str(error).encode())
        else:
            _write(folder / f"{name}.tflite", content)


def _first_to_go() -> None:
    """When memory runs out, the kernel ends this process and not the pipeline."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(seconds: float) -> None:
    """Ends the process after that time, also if it never leaves C++."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _spec(job: dict[str, list[dict[str, object]]]) -> ModelSpec:
    """Returns a spec with the inputs and outputs, which are all that a conversion reads."""
    inputs = tuple(Tensor(**each, description="") for each in job["inputs"])  # type: ignore[arg-type]
    outputs = tuple(Output(**each, description="") for each in job["outputs"])  # type: ignore[arg-type]
    return ModelSpec("", "", "", inputs, outputs, {}, {})


def _calibration(folder: Path) -> dict[str, Array]:
    """Returns the calibration examples; the parent reads them meanwhile."""
    while not (folder / "calibration").is_dir():
        time.sleep(0.02)
    return {file.stem: np.load(file) for file in (folder / "calibration").glob("*.npy")}


def _write(file: Path, content: bytes) -> None:
    """Writes the file whole or not at all."""
    partial = file.with_suffix(".partial")
    partial.write_bytes(content)
    partial.rename(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
