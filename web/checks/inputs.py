"""Writes arrays to files for a page: one file per input, in the types that TensorFlow.js has."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array


def write_input(folder: Path, name: str, values: Array) -> dict[str, Any]:
    """Writes an input's rows into the folder; returns its description for browser/check.ts."""
    file = folder / f"input.{name}"
    kind = values.dtype.kind
    elements = int(np.prod(values.shape[1:], dtype=np.int64))
    if kind in "fiub":
        # TensorFlow.js has one float and one integer type.
        stored, type_name = {"f": ("<f4", "float32"), "b": ("u1", "bool")}.get(
            kind, ("<i4", "int32")
        )
        values.astype(stored).tofile(file)
    else:
        type_name = "string"
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in values.ravel()]
        file.write_text(json.dumps(texts))
    return {"file": str(file), "type": type_name, "elements": elements}
