"""Parses JSON text, with the errors of TensorFlow Serving's parser (RapidJSON)."""

import json
import re
from typing import Any

import numpy as np
import orjson

from serving.server.dataplane.statuses import ServingError, invalid

# Values in errors are truncated to this length, as in tensorflow_serving/util/json_tensor.cc.
MAX_SHOWN = 256
# More digits than any 64-bit number has: longer values become floats, not slow big integers.
_MAX_DIGITS = 20
MAX_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Opening brackets become 1, closing brackets -1; everything else is dropped.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"[{]}")
_PARSE_ERRORS = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}


def parse_object(body: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Returns the JSON object that a request's body starts with.

    NaN and Infinity are numbers; everything after the object is ignored.
    Raises ServingError (INVALID_ARGUMENT) for anything else, and for lists and objects that are
    nested more than ``max_depth`` deep.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    if _depth(body, max_depth) > max_depth:
        raise invalid(f"JSON Parse error: nested more than {max_depth} deep (--max_json_depth)")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _parse_leniently(body)
    if not isinstance(value, dict):
        raise format_error(value, "Is not object")
    return value


def _depth(body: bytes, enough: int) -> int:
    """Returns the nesting depth of brackets, or an upper bound of it that is at most ``enough``."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= enough:
        return opened
    brackets = _STRING.sub(b"", body).translate(_STEPS, _OTHERS)
    steps = np.frombuffer(brackets, np.int8)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def show(value: Any) -> str:
    """Returns a JSON value as one line for an error; truncates a long one."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def type_of(value: Any) -> str:
    """Returns RapidJSON's name for the JSON type of a value."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    for kind, name in ((dict, "Object"), (list, "Array"), (str, "String")):
        if isinstance(value, kind):
            return name
    return "Number"


def format_error(value: Any, problem: str) -> ServingError:
    """Returns an error that quotes the value and states the problem."""
    return invalid(f"JSON Value: {show(value)} {problem}")


def _parse_leniently(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _parse_error("Invalid encoding in string.", error.start) from error
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise _parse_error("The document is empty.", start)
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _parse_error(_parse_problem(error), error.pos) from error
    except RecursionError as error:
        raise invalid("JSON Parse error: nested too deeply") from error
    escape = _SURROGATE.search(text)
    if escape:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair, which cannot be encoded
            problem = "The surrogate pair in string is invalid."
            raise _parse_error(problem, escape.start()) from error
    return value


def _parse_error(problem: str, offset: int) -> ServingError:
    return invalid(f"JSON Parse error: {problem} at offset: {offset}")


def _parse_problem(error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Expecting ',' delimiter"):
        if _innermost_bracket(error.doc, error.pos) == "{":
            return "Missing a comma or } after an object member."
        return "Missing a comma or ] after an array element."
    return _PARSE_ERRORS.get(error.msg, "Invalid value.")


def _innermost_bracket(text: str, end: int) -> str:
    """Returns the innermost bracket open at ``end``; the text before it is well formed."""
    opened: list[str] = []
    quoted = escaped = False
    for character in text[:end]:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            opened.append(character)
        elif character in "]}" and opened:
            opened.pop()
    return opened[-1] if opened else ""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)
