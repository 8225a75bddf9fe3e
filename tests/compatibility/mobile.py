"""A row on devices: converted as the mobile target does it, run in both edge runtimes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.agreement.left_out import reason_file
from mobile import target
from mobile.checks.runtimes import RUNTIMES, EdgeRuntime, RuntimeFailedError, run
from models.spec import Limits
from tests.compatibility.exported import Exported
from tests.compatibility.row import Row
from tests.compatibility.verdicts import (
    CLOSE,
    EIGHT_BITS,
    FAILS,
    HALF,
    REFUSED,
    Verdict,
    as_json,
    compared,
)

LIMITS = {"float32": CLOSE, "float16": HALF, "dynamic": EIGHT_BITS, "int8": EIGHT_BITS}
EIGHT_BIT = ("dynamic", "int8")


def cell_names() -> list[str]:
    """Returns the names of all cells."""
    return [f"{runtime.title} {variant}" for variant in LIMITS for runtime in RUNTIMES]


def tried(row: Row, exported: Exported, folder: Path) -> dict[str, Any]:
    """Returns the verdict on each runtime with each variant."""
    spec = exported.spec(target.TARGET, tuple(LIMITS))
    optional = {name: Limits(0.0, required=False) for name in LIMITS}
    spec = replace(spec, limits={target.TARGET: optional})
    made = target.convert(exported.saved_model, folder, spec=spec, config=exported.config)
    cells = {}
    for variant, file in made.variants.items():
        for runtime in RUNTIMES:
            if file.is_file():
                verdict = _answered(row, exported, runtime, variant, file)
            else:
                verdict = Verdict(REFUSED, reason=reason_file(file).read_text().strip())
            cells[f"{runtime.title} {variant}"] = as_json(verdict)
    return cells


def _answered(
    row: Row, exported: Exported, runtime: EdgeRuntime, variant: str, file: Path
) -> Verdict:
    scratch = file.parent / f"{runtime.module}.{variant}"
    scratch.mkdir()
    try:
        answer = run(runtime, file, exported.inputs, scratch)
    except RuntimeFailedError as error:
        return Verdict(FAILS, reason=str(error))
    classes = row.classes and variant in EIGHT_BIT
    return compared(answer.outputs, exported.expected(), LIMITS[variant], classes=classes)
