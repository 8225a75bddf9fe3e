"""Reads the most common predict request without building its nested lists.

A client that sends tensors of numbers sends ``{"instances": [[…], …]}`` with the shape in the
signature. Building Python lists of lists from it costs five times as much as everything else that
the server does for a small model. Here the brackets are compared with those that the shape
implies, then dropped, and the numbers are parsed as one flat list. A request that differs in any
way is left to the general code, which also produces the errors.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from serving.server.dataplane.tensors import Array, Signature, numpy_type
from serving.server.rest.json_request import Format
from serving.server.rest.json_tensors import FLOATS, numbers

_NAME = rb'"signature_name"\s*:\s*"(?P<%s>[^"\\]*)"'
_HEAD = re.compile(
    rb"\s*\{\s*(?:" + _NAME % b"before" + rb"\s*,\s*)?"
    rb'"(?P<key>instances|inputs)"\s*:\s*(?:\{\s*"(?P<alias>[^"\\]*)"\s*:\s*)?(?=\[)'
)
_TAIL = re.compile(rb"\s*(?P<brace>\}\s*)?(?:,\s*" + _NAME % b"after" + rb"\s*)?\}\s*")
# The characters of numbers, and white space between them. A letter e elsewhere fails to parse.
_NUMBERS = b"0123456789.eE+- \t\r\n"
_BRACKETS = b"[]"


@dataclass(frozen=True)
class Quick:
    """A body whose outer form is known, and whose numbers are not parsed yet."""

    signature: str
    layout: Format
    alias: str | None
    values: bytes


def scan(body: bytes) -> Quick | None:
    """Returns the parts of a body that has the common form; None for any other body."""
    head = _HEAD.match(body)
    end = body.rfind(b"]") + 1
    tail = _TAIL.fullmatch(body, end) if end else None
    if head is None or tail is None:
        return None
    named = head["alias"] is not None
    if named != (tail["brace"] is not None) or (named and head["key"] == b"instances"):
        return None
    if head["before"] is not None and tail["after"] is not None:
        return None
    try:
        return Quick(
            (head["before"] or tail["after"] or b"").decode(),
            Format.ROW if head["key"] == b"instances" else Format.COLUMN,
            head["alias"].decode() if named else None,
            body[head.end() : end],
        )
    except UnicodeDecodeError:
        return None


def read(quick: Quick, signature: Signature) -> dict[str, Array] | None:
    """Returns the only input of a signature with its values; None if this fast path can't."""
    if len(signature.inputs) != 1:
        return None
    ((alias, info),) = signature.inputs.items()
    if quick.alias not in (None, alias) or not info.batched or info.shape is None:
        return None
    inner = info.shape[1:]
    if -1 in inner or 0 in inner:
        return None
    row_brackets = _brackets_of(inner)
    brackets = quick.values.translate(None, _NUMBERS)
    rows, rest = divmod(len(brackets) - 1, len(row_brackets) + 1)
    if rest or rows < 1 or brackets != b"[" + b",".join([row_brackets] * rows) + b"]":
        return None
    try:
        flat = orjson.loads(b"[" + quick.values.translate(None, _BRACKETS) + b"]")
    except orjson.JSONDecodeError:
        return None
    array = _array(flat, info.dtype)
    if array is None or array.size != rows * _size(inner):
        return None
    return {alias: array.reshape(rows, *inner)}


def _array(flat: list[Any], dtype: int) -> Array | None:
    if dtype in FLOATS:
        with np.errstate(over="ignore"):  # values that are too large become infinite
            return np.array(flat, numpy_type(dtype))
    return numbers(flat, dtype)


@lru_cache(maxsize=64)
def _brackets_of(shape: tuple[int, ...]) -> bytes:
    """Returns the brackets and commas of the JSON of an array of a shape."""
    text = b""
    for size in reversed(shape):
        text = b"[" + b",".join([text] * size) + b"]"
    return text


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for dimension in shape:
        size *= dimension
    return size
