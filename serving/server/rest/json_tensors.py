"""Converts one JSON value to one tensor: shapes, types and their errors (json_tensor.cc)."""

import base64
import binascii
import math
from typing import Any

import numpy as np

from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import DT_STRING, Array, TensorInfo, numpy_type, type_name
from serving.server.rest.json_text import show, type_of

BASE64_KEY = "b64"
FLOATS = {1, 2}
# RapidJSON's IsInt, IsInt64, IsUint, IsUint64; small types are checked against their own range.
_INTEGERS = {
    number: np.iinfo(np.dtype(name))
    for number, name in {
        3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 22: "uint32", 23: "uint64",
    }.items()
}  # fmt: skip
_BOOL = 10


def to_array(value: Any, info: TensorInfo, *, numbers_only: bool) -> Array:
    """Returns a tensor with the shape of the nested lists.

    Args:
        value: a scalar, or lists of the same shape.
        info: has the type of the elements.
        numbers_only: whether the request is known to contain no ``true`` and no ``false``, which
            NumPy would treat as numbers. Then lists of numbers are converted without a loop here.

    Raises ServingError when an element has another type or the lists are ragged.
    """
    if numbers_only:
        fast = numbers(value, info.dtype)
        if fast is not None:
            return fast
    shape = _shape(value)
    flat: list[Any] = []
    _fill(value, 0, shape, info.dtype, flat)
    if info.dtype == DT_STRING:
        array = np.empty(len(flat), dtype=np.object_)
        array[:] = flat
        return array.reshape(shape)
    with np.errstate(over="ignore"):
        return np.array(flat, dtype=numpy_type(info.dtype)).reshape(shape)


def is_base64(value: Any) -> bool:
    """Returns whether a value is ``{"b64": "…"}``, which stands for bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(BASE64_KEY), str)


def decode_base64(value: Any) -> bytes:
    """Returns the bytes of ``{"b64": "…"}``. Raises ServingError when it is not base64."""
    if not is_base64(value):
        raise invalid(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    text = value[BASE64_KEY].rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def numbers(value: Any, dtype: int) -> Array | None:
    """Returns lists of numbers as an array; None if each element must be checked.

    The lists must not contain booleans.
    """
    if not isinstance(value, list):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    if dtype in FLOATS and array.dtype.kind in "fiu":
        with np.errstate(over="ignore"):
            return array.astype(numpy_type(dtype), copy=False)
    limits = _INTEGERS.get(dtype)
    if limits is not None and array.dtype.kind in "iu" and array.size:
        if array.min() < limits.min or array.max() > limits.max:
            return None
        return array.astype(limits.dtype, copy=False)
    return None


def _shape(value: Any) -> tuple[int, ...]:
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def _fill(value: Any, level: int, shape: tuple[int, ...], dtype: int, flat: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {show(value)} found at incorrect level: {level + 1} in the JSON "
                f"DOM. Expected at level: {len(shape)}"
            )
        flat.append(_element(value, dtype))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for item in value:
        _fill(item, level + 1, shape, dtype, flat)


def _element(value: Any, dtype: int) -> Any:
    if dtype == DT_STRING:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict):
            return decode_base64(value)
        raise _type_error(value, dtype)
    if dtype in FLOATS:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _decimal(value)
        raise _type_error(value, dtype)
    if dtype == _BOOL:
        if isinstance(value, bool):
            return value
        raise _type_error(value, dtype)
    limits = _INTEGERS.get(dtype)
    if limits is None:
        raise ServingError(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value: {show(value)} to type: {type_name(dtype)}",
        )
    if type(value) is not int or not limits.min <= value <= limits.max:
        raise _type_error(value, dtype)
    return value


def _decimal(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _type_error(value: Any, dtype: int) -> ServingError:
    return invalid(
        f"JSON Value: {show(value)} Type: {type_of(value)} is not of expected type: "
        f"{type_name(dtype)}"
    )
