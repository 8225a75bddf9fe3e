"""Converts the JSON of a predict request to tensors, in row and column format (json_tensor.cc)."""

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Any

import numpy as np

from serving.server.dataplane.statuses import ServingError, invalid
from serving.server.dataplane.tensors import Array, TensorInfo, Tensors, shape_text
from serving.server.rest.json_tensors import is_base64, to_array
from serving.server.rest.json_text import format_error, show

SIGNATURE_KEY = "signature_name"
ROW_KEY = "instances"
COLUMN_KEY = "inputs"


class Format(Enum):
    """The layout of a request's tensors; the answer has the same layout."""

    ROW = "predictions"
    COLUMN = "outputs"


def signature_name(document: dict[str, Any]) -> str:
    """Returns the signature that a request names; empty for none.

    Raises ServingError when the name is not a string.
    """
    name = document.get(SIGNATURE_KEY, "")
    if not isinstance(name, str):
        raise format_error(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def tensors(
    document: dict[str, Any], infos: Mapping[str, TensorInfo], *, body: bytes
) -> tuple[Format, Tensors]:
    """Returns the format of a request and its tensors by input alias.

    Args:
        document: the parsed body.
        infos: the inputs of the signature.
        body: the text it was parsed from, only searched for words that rule out the fast path.

    Raises ServingError that names the invalid element.
    """
    # If neither word occurs in the text, no element is a boolean.
    numbers_only = b"true" not in body and b"false" not in body
    if ROW_KEY in document:
        if COLUMN_KEY in document:
            raise format_error(
                document,
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to "
                "exist ",
            )
        instances = document[ROW_KEY]
        if not isinstance(instances, list):
            raise format_error(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise format_error(document, "No values in 'instances' array")
        return Format.ROW, _rows(instances, infos, numbers_only)
    if COLUMN_KEY in document:
        return Format.COLUMN, _columns(document[COLUMN_KEY], infos, numbers_only)
    raise invalid("Missing 'inputs' or 'instances' key")


def _columns(value: Any, infos: Mapping[str, TensorInfo], numbers_only: bool) -> Tensors:
    if isinstance(value, dict) and not is_base64(value):
        missing = [alias for alias in infos if alias not in value]
        if missing:
            raise invalid(f"Missing named input: {missing[0]} in 'inputs' object.")
        return {
            alias: to_array(value[alias], info, numbers_only=numbers_only)
            for alias, info in infos.items()
        }
    if len(infos) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map"
        )
    ((alias, info),) = infos.items()
    return {alias: to_array(value, info, numbers_only=numbers_only)}


def _rows(instances: list[Any], infos: Mapping[str, TensorInfo], numbers_only: bool) -> Tensors:
    if not isinstance(instances[0], dict) and len(infos) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    return {
        alias: _batch(values, infos[alias], numbers_only, key=alias if named else "")
        for alias, values in _split(instances, infos).items()
    }


def _is_named(element: Any) -> bool:
    return isinstance(element, dict) and not is_base64(element)


def _split(instances: list[Any], infos: Mapping[str, TensorInfo]) -> dict[str, list[Any]]:
    """Returns the values of all instances for each input."""
    if not _is_named(instances[0]):
        for item, element in enumerate(instances):
            if isinstance(element, dict) and _is_named(element):
                raise invalid(f"Expecting value/list but got object at item {item} of input list")
        ((alias, _),) = infos.items()
        return {alias: instances}
    wanted = infos.keys()
    for item, element in enumerate(instances):
        if not _is_named(element):
            raise invalid(f"Expecting object but got list at item {item} of input list")
        if element.keys() != wanted:
            raise _wrong_keys(element, item, infos)
    return {alias: [element[alias] for element in instances] for alias in infos}


def _wrong_keys(
    element: dict[str, Any], item: int, infos: Mapping[str, TensorInfo]
) -> ServingError:
    for name in element:
        if name not in infos:
            problem = invalid(f"JSON object: does not have named input: {name}")
            return _element_error(item, name, problem)
    return invalid(
        f"Failed to process element: {item} of 'instances' list. JSON object: {show(element)} "
        f"keys must be equal to: {','.join(infos)}"
    )


def _batch(values: list[Any], info: TensorInfo, numbers_only: bool, *, key: str) -> Array:
    """Returns the values of one input; the first dimension is the number of instances."""
    with suppress(ServingError):
        return to_array(values, info, numbers_only=numbers_only)
    # Convert the instances one by one to find the invalid one.
    rows: list[Array] = []
    for item, value in enumerate(values):
        try:
            row = to_array(value, info, numbers_only=numbers_only)
            if rows and row.size != rows[0].size:
                raise invalid(f"Expecting tensor size: {rows[0].size} but got: {row.size}")
            if rows and row.shape != rows[0].shape:
                raise invalid(
                    f"Expecting shape {shape_text(rows[0].shape)} but got: {shape_text(row.shape)}"
                )
        except ServingError as problem:
            raise _element_error(item, key, problem) from problem
        rows.append(row)
    return np.stack(rows)


def _element_error(item: int, key: str, problem: ServingError) -> ServingError:
    named = f" key: {key}" if key else ""
    return invalid(
        f"Failed to process element: {item}{named} of 'instances' list. Error: {problem}"
    )
