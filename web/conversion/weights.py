"""The forms of the weights that a page can load.

TensorFlow.js converts all of them to float32 as it loads them. So they run the same kernels and
differ only in bytes and rounding.
"""

from collections.abc import Callable, Mapping

import numpy as np

from web.conversion.graph_model import Array, GraphModel, Stored
from web.conversion.quantisation import quantised

# In a tensor with fewer numbers, two bytes saved per number are not worth the rounding.
FEW = 1024

Examples = Callable[[], Mapping[str, Array]]
Form = Callable[[GraphModel, Examples], Mapping[str, Stored]]


def float16(model: GraphModel, *, least: int = 0) -> dict[str, Stored]:
    """Returns the tensors of at least ``least`` numbers in half precision, if they fit into it."""
    halves = np.finfo(np.float16)
    return {
        name: Stored(values.astype(np.float16), {"dtype": "float16", "original_dtype": "float32"})
        for name, values in model.weights.items()
        if values.dtype == np.float32
        and values.size >= least
        and np.all(np.abs(values) <= halves.max)
    }


def _float32(_: GraphModel, __: Examples) -> dict[str, Stored]:
    return {}


def _float16(model: GraphModel, _: Examples) -> dict[str, Stored]:
    return float16(model)


def _quantised(model: GraphModel, examples: Examples) -> dict[str, Stored]:
    # Convolutions and dense layers hold most of the numbers; an embedding may be as large.
    return {**float16(model, least=FEW), **quantised(model, examples)}


FORMS: Mapping[str, Form] = {
    "float32": _float32,
    "float16": _float16,
    "quantised": _quantised,
}
