"""Converts tensors to the JSON of an answer (json_tensor.cc), and writes the JSON of errors."""

import base64
import json
from typing import Any

import numpy as np
import orjson

from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Array, Tensors, type_name, type_number
from serving.server.rest.json_request import Format
from serving.server.rest.json_tensors import BASE64_KEY

# String outputs with this suffix are printed as base64, others as text.
BYTES_SUFFIX = "_bytes"
_ORJSON_KINDS = "fiub"
# An answer with this many values is written within a few milliseconds.
LARGE_VALUES = 16384
_VALUES_PER_OBJECT = 16
_BYTES_PER_VALUE = 16


def predictions(outputs: Tensors, layout: Format) -> bytes:
    """Returns the body of an answer. One output stands alone; several are objects by alias.

    Raises ServingError when the row format is requested and the outputs have no common batch size,
    or when a type has no JSON form.
    """
    if layout is Format.ROW:
        _check_rows(outputs)
    if len(outputs) == 1:
        ((alias, array),) = outputs.items()
        return b'{"%s":%s}' % (layout.value.encode(), _print(alias, array))
    if layout is Format.COLUMN:
        return b'{"outputs":%s}' % _object(outputs)
    count = len(next(iter(outputs.values())))
    rows = (
        _object({alias: array[row] for alias, array in outputs.items()}) for row in range(count)
    )
    return b'{"predictions":[%s]}' % b",".join(rows)


def is_large(outputs: Tensors) -> bool:
    """Returns whether an answer takes long to write, so that the converter must do it."""
    if len(outputs) == 1:
        (array,) = outputs.values()
        return _size(array) > LARGE_VALUES  # the usual case
    rows = max((len(array) for array in outputs.values() if array.ndim), default=0)
    objects = rows * len(outputs)  # in the row format
    return sum(map(_size, outputs.values())) + objects * _VALUES_PER_OBJECT > LARGE_VALUES


def error(message: str) -> bytes:
    """Returns the body of an error."""
    return json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace")


def _check_rows(outputs: Tensors) -> None:
    size = None
    for alias, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {alias} has no shape information ")
        if size is not None and len(array) != size:
            raise invalid(
                f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {size}"
            )
        size = len(array)


def _object(tensors: dict[str, Any]) -> bytes:
    members = (
        b"%s:%s" % (orjson.dumps(alias), _print(alias, np.asarray(value)))
        for alias, value in tensors.items()
    )
    return b"{%s}" % b",".join(members)


def _print(alias: str, array: Array) -> bytes:
    kind = array.dtype.kind
    if kind in "OSU":
        text = _strings(array, as_bytes=alias.endswith(BYTES_SUFFIX))
        # Text that is not UTF-8 is sent as unchanged bytes, the same as in TensorFlow Serving.
        return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")
    if kind not in _ORJSON_KINDS:
        raise invalid(
            f"Failed to write JSON value for tensor type: {type_name(type_number(array.dtype))}"
        )
    if kind == "f":
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        if not np.isfinite(array).all():
            # NaN and Infinity are printed without quotes, which strict JSON parsers refuse.
            return json.dumps(_shortest(array)).encode()
    if not array.ndim:
        return orjson.dumps(array[np.newaxis], option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)


def _shortest(array: Array) -> Any:
    """Returns nested lists whose floats print with no more digits than float32 needs."""
    if array.ndim:
        return [_shortest(item) for item in array]
    return float(str(array))


def _strings(array: Array, *, as_bytes: bool) -> Any:
    if array.ndim:
        return [_strings(item, as_bytes=as_bytes) for item in _items(array)]
    value = array.item()
    raw = value if isinstance(value, bytes) else str(value).encode()
    if as_bytes:
        return {BASE64_KEY: base64.b64encode(raw).decode()}
    return raw.decode("utf-8", "surrogateescape")


def _items(array: Array) -> list[Array]:
    # Iterating an object array of rank 1 gives its bare elements.
    return [np.asarray(item, dtype=array.dtype) for item in array]


def _size(array: Array) -> int:
    """Returns how many numbers take as long to print as an array."""
    if array.dtype.kind not in "OS" or array.size > LARGE_VALUES:
        return array.size
    return array.size + sum(map(len, array.flat)) // _BYTES_PER_VALUE
