"""A row on devices: converted as the mobile target does it, run in both edge runtimes."""

from pathlib import Path
from typing import Any

from mobile import target
from mobile.checks.runtimes import RUNTIMES, RuntimeFailedError, run
from tests.compatibility import rules
from tests.compatibility.exported import Exported
from tests.compatibility.row import Row
from tests.compatibility.verdicts import CLOSE, EIGHT_BITS, FAILS, HALF, Verdict, as_json, compared

LIMITS = {"float32": CLOSE, "float16": HALF, "dynamic": EIGHT_BITS, "int8": EIGHT_BITS}
EIGHT_BIT = ("dynamic", "int8")


def tried(row: Row, exported: Exported, variant: str, scratch: Path) -> dict[str, Any]:
    """Returns the verdict on each runtime with one variant, and the rules that applied.

    Raises ConversionError with the product's reason when it refuses the model.
    """
    spec = exported.spec(target.TARGET, (variant,))
    with rules.of_mobile() as applied:
        artifacts = target.convert(exported.saved_model, scratch, spec=spec, config=exported.config)
    file = artifacts.variants[variant]
    expected = exported.expected()
    cells: dict[str, Any] = {}
    for runtime in RUNTIMES:
        place = scratch / runtime.module
        place.mkdir()
        try:
            answer = run(runtime, file, exported.inputs, place)
        except RuntimeFailedError as error:
            cells[f"{runtime.title} {variant}"] = as_json(Verdict(FAILS, reason=str(error)))
            continue
        classes = row.classes and variant in EIGHT_BIT
        limit = LIMITS[variant]
        cells[f"{runtime.title} {variant}"] = as_json(
            compared(answer.outputs, expected, limit, classes=classes)
        )
    return {"cells": cells, "rules": applied}
