"""Tests whether a signature's rows are independent: only then may requests be joined into a batch.

For example, a model that subtracts the mean of its batch would answer one client with another
client's data. So every signature is tested when its version is loaded: with single rows, with rows
together, and with padding.
"""

from collections.abc import Mapping

import numpy as np

from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.tensors import (
    DT_STRING,
    Array,
    Signature,
    TensorInfo,
    Tensors,
    numpy_type,
)

# A batch of a different size uses different kernels, which add in a different order.
RELATIVE, ABSOLUTE = 1e-3, 1e-5
MAX_PROBE_ELEMENTS = 1 << 22
_ROWS = 2


def joinable(servable: Servable, signature: Signature, known: Mapping[str, Array]) -> bool:
    """Returns whether the signature answered each row independently of the others.

    Args:
        servable: the loaded version.
        signature: one of its signatures.
        known: inputs that it accepts, with at least two different rows; empty to use random ones.
    """
    if not signature.batched:
        return False
    inputs = dict(known) if _usable(known) else _random_inputs(signature)
    if inputs is None:
        return False
    first = {alias: array[:1] for alias, array in inputs.items()}
    second = {alias: array[1:_ROWS] for alias, array in inputs.items()}
    padded = {
        alias: np.concatenate([array[:_ROWS], array[1:_ROWS], array[1:_ROWS]])
        for alias, array in inputs.items()
    }
    try:
        alone = [servable.run(signature, one) for one in (first, second, first)]
        together = servable.run(signature, padded)
    except ServingError:
        return False
    return all(
        len(together[alias]) == _ROWS + 2
        and _close(alone[0][alias], together[alias][:1])
        and _close(alone[1][alias], together[alias][1:_ROWS])
        and _close(alone[0][alias], alone[2][alias])  # not random, not counting
        for alias in signature.outputs
    )


def _usable(known: Mapping[str, Array]) -> bool:
    arrays = list(known.values())
    return bool(arrays) and all(
        array.ndim and len(array) >= _ROWS and not np.array_equal(array[0], array[1])
        for array in arrays
    )


def _random_inputs(signature: Signature) -> Tensors | None:
    generator = np.random.default_rng(0)
    inputs: Tensors = {}
    for alias, info in signature.inputs.items():
        array = _random(info, generator)
        if array is None:
            return None
        inputs[alias] = array
    return inputs


def _random(info: TensorInfo, generator: np.random.Generator) -> Array | None:
    dtype = numpy_type(info.dtype)
    if dtype is None or info.dtype == DT_STRING or info.shape is None or -1 in info.shape[1:]:
        return None
    shape = (_ROWS, *info.shape[1:])
    if np.prod(shape, dtype=np.float64) > MAX_PROBE_ELEMENTS:
        return None
    if dtype.kind in "iu":
        return generator.integers(0, 5, shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    return generator.normal(size=shape).astype(dtype)


def _close(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        return bool(np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    return bool(np.array_equal(one, other))
