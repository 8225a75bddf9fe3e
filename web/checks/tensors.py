"""Tensors in files, for a page and from it: in the types that the page's runner has."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import FanoutError

# The runner has one float and one integer type; a boolean is a byte.
_INTEGER = ("<i4", "int32")
_TYPES = {"f": ("<f4", "float32"), "i": _INTEGER, "u": _INTEGER, "b": ("u1", "bool")}
_LARGEST = np.iinfo(np.int32).max


class UnfitInputError(FanoutError):
    """The golden set has a value that no engine of the page can take."""


def write_input(file: Path, name: str, values: Array) -> dict[str, Any]:
    """Writes an input's rows to the file; returns its description for browser/check.ts.

    Raises:
        UnfitInputError: a whole number needs more than 32 bits.
    """
    kind = values.dtype.kind
    elements = int(np.prod(values.shape[1:], dtype=np.int64))
    if kind not in _TYPES:
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in values.ravel()]
        file.write_text(json.dumps(texts))
        return {"file": str(file), "type": "string", "elements": elements}
    stored, type_name = _TYPES[kind]
    if kind in "iu" and values.size:
        largest = max(int(values.max()), -1 - int(values.min()))
        if largest > _LARGEST:
            raise UnfitInputError(
                f"a page's whole numbers have 32 bits, but the input {name!r} has {largest}; use "
                "smaller numbers, or leave the web target out"
            )
    values.astype(stored).tofile(file)
    return {"file": str(file), "type": type_name, "elements": elements}


def read_output(file: Path, expected: Array) -> Array:
    """Returns an output that the page has written, in the shape and type of the expected values.

    A file of another size is returned as it is, in one dimension.
    """
    stored, _ = _TYPES[expected.dtype.kind]
    values = np.fromfile(file, stored)
    if values.size != expected.size:
        return values
    return values.reshape(expected.shape).astype(expected.dtype)
