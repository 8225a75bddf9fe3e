"""The promise of a signature: the shapes of its inputs, and that their rows agree.

TensorFlow does not keep it. Most graphs answer an input of another shape with numbers that mean
nothing, and a convolution can end the process. So such an input never reaches TensorFlow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.server.dataplane.statuses import ServingError, invalid
from serving.server.dataplane.tensors import (
    COLUMN,
    Signature,
    TensorInfo,
    Tensors,
    shape_text,
)


def check(signature: Signature, inputs: Mapping[str, Any]) -> None:
    """Raises ServingError when the shape of an array is not the signature's, or its rows differ.

    Args:
        signature: that the inputs are for.
        inputs: an array, or anything with a shape, for each of its inputs.
    """
    rows = -1
    for alias, info in signature.inputs.items():
        shape = inputs[alias].shape
        if not info.admits(shape):
            raise wrong_shape(alias, info, shape)
        if signature.batched:
            if rows not in (-1, shape[0]):
                raise _different_rows(signature, alias, inputs)
            rows = shape[0]


def with_columns(signature: Signature, inputs: Tensors) -> Tensors:
    """Returns the inputs; where the signature has [-1,1], an array of shape (n,) becomes (n, 1).

    TensorFlow Serving's own example, half_plus_two, is called with plain lists. Returns the same
    object when there is no such array.
    """
    plain = [alias for alias in signature.columns if inputs[alias].ndim == 1]
    return inputs | {alias: inputs[alias].reshape(-1, 1) for alias in plain} if plain else inputs


def without_columns(signature: Signature, outputs: Tensors) -> Tensors:
    """Returns the outputs; where the signature has [-1,1], as arrays of shape (n,)."""
    return {
        alias: array[:, 0]
        if signature.outputs[alias].shape == COLUMN and array.shape[1:] == (1,)
        else array
        for alias, array in outputs.items()
    }


def wrong_shape(alias: str, info: TensorInfo, shape: Sequence[int]) -> ServingError:
    """Returns the error for an input of another shape than the signature's."""
    return invalid(
        f"input tensor alias {alias} has shape {shape_text(tuple(shape))}, expected "
        f"{shape_text(info.shape or ())}"
    )


def _different_rows(signature: Signature, alias: str, inputs: Mapping[str, Any]) -> ServingError:
    first = next(iter(signature.inputs))
    return invalid(
        f"input tensor alias {alias} has {inputs[alias].shape[0]} rows, but input tensor alias "
        f"{first} has {inputs[first].shape[0]}"
    )
