"""The tensors of a signature, in TensorFlow's terms and in NumPy's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tensors = dict[str, Array]

DT_STRING = 7
DT_BFLOAT16 = 14
COLUMN = (-1, 1)

# DataType of tensorflow/core/framework/types.proto: number, TensorFlow's name, NumPy's type.
_TYPES: tuple[tuple[int, str, Any], ...] = (
    (1, "float", np.float32),
    (2, "double", np.float64),
    (3, "int32", np.int32),
    (4, "uint8", np.uint8),
    (5, "int16", np.int16),
    (6, "int8", np.int8),
    (7, "string", np.object_),
    (8, "complex64", np.complex64),
    (9, "int64", np.int64),
    (10, "bool", np.bool_),
    (17, "uint16", np.uint16),
    (18, "complex128", np.complex128),
    (19, "half", np.float16),
    (22, "uint32", np.uint32),
    (23, "uint64", np.uint64),
)
_NAMES = {number: name for number, name, _ in _TYPES} | {DT_BFLOAT16: "bfloat16"}
_NUMPY = {number: np.dtype(kind) for number, _, kind in _TYPES}
_NUMBERS = {np.dtype(kind): number for number, _, kind in _TYPES}


def type_name(number: int) -> str:
    """Returns TensorFlow's name for a DataType, such as ``float``."""
    return _NAMES.get(number, f"unknown dtype enum ({number})")


def numpy_type(number: int) -> np.dtype[Any] | None:
    """Returns NumPy's type for a DataType, or None if NumPy has no such type."""
    return _NUMPY.get(number)


def type_number(dtype: np.dtype[Any]) -> int:
    """Returns the DataType of an array's type: DT_STRING for strings and objects, 0 if unknown."""
    number = _NUMBERS.get(dtype, 0)
    if number:
        return number
    if dtype.kind in "SU":
        return DT_STRING
    return DT_BFLOAT16 if dtype.name == "bfloat16" else 0  # a type of the package ml_dtypes


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a signature.

    Attributes:
        tensor: its name in the graph.
        dtype: the number of its DataType.
        shape: with -1 for an unknown dimension; None for an unknown rank.
    """

    tensor: str
    dtype: int
    shape: tuple[int, ...] | None

    @cached_property
    def batched(self) -> bool:
        """Returns whether the first dimension is unknown, so that requests can be joined."""
        return self.shape is not None and self.shape[:1] == (-1,)

    @cached_property
    def _inner(self) -> tuple[int, ...] | None:
        """Returns the shape of a row; None when the first dimension is not a batch."""
        return self.shape[1:] if self.shape is not None and self.batched else None

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Returns whether an array of this shape fits the signature."""
        if shape and shape[1:] == self._inner:
            return True  # the usual case
        known = self.shape
        return known is None or (
            len(shape) == len(known)
            and all(want in (-1, got) for want, got in zip(known, shape, strict=True))
        )


@dataclass(frozen=True)
class Signature:
    """A SignatureDef of a SavedModel.

    Attributes:
        name: its key.
        method: such as ``tensorflow/serving/predict``.
        inputs, outputs: by alias, in alphabetical order.
    """

    name: str
    method: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]

    @cached_property
    def batched(self) -> bool:
        """Returns whether the first dimension of every input and output is unknown."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(tensor.batched for tensor in tensors)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Returns the inputs whose shape is [-1,1]."""
        return tuple(alias for alias, info in self.inputs.items() if info.shape == COLUMN)


def shape_text(shape: tuple[int, ...]) -> str:
    """Returns a shape as TensorFlow prints it: ``[2,3]``."""
    return f"[{','.join(map(str, shape))}]"
