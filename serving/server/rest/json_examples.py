"""Converts the JSON of classify and regress requests to tf.Examples, and answers to JSON."""

import json
from typing import Any

from serving.server.dataplane import classify_regress
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Signature, Tensors
from serving.server.rest.json_tensors import decode_base64, is_base64
from serving.server.rest.json_text import format_error, type_of

EXAMPLES_KEY = "examples"
CONTEXT_KEY = "context"
_KINDS = {"int64_list": "int64", "float_list": "float", "bytes_list": "bytes"}
_MAX_INT64 = 2**63 - 1


def examples(document: dict[str, Any]) -> tuple[list[Any], Any | None]:
    """Returns the tf.Examples of a request and its context, or None.

    Raises ServingError that names the invalid feature.
    """
    context = _example(document[CONTEXT_KEY]) if CONTEXT_KEY in document else None
    if EXAMPLES_KEY not in document:
        # TensorFlow Serving says "classify" for both methods.
        raise format_error(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    items = document[EXAMPLES_KEY]
    if not isinstance(items, list):
        raise format_error(document, "Expecting 'examples' value to be an list/array")
    if not items:
        raise format_error(document, "'examples' value is an empty array")
    return [_example(item) for item in items], context


def classes(signature: Signature, outputs: Tensors, count: int) -> bytes:
    """Returns the body of an answer: pairs of label and score for each of ``count`` examples.

    Raises ServingError for outputs that are not classes.
    """
    return _results(
        [
            [(label.decode("utf-8", "surrogateescape"), score) for label, score in row]
            for row in classify_regress.classes(signature, outputs, count)
        ]
    )


def values(outputs: Tensors, count: int) -> bytes:
    """Returns the body of an answer: a value for each of ``count`` examples.

    Raises ServingError for outputs that are not values.
    """
    return _results(classify_regress.values(outputs, count))


def _results(rows: list[Any]) -> bytes:
    return json.dumps({"results": rows}, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _example(value: Any) -> Any:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_of(value)}")
    from tensorflow.core.example import example_pb2

    example = example_pb2.Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(name, feature, item)
    return example


def _add(name: str, feature: Any, value: Any) -> None:
    kind, element = _element(name, value)
    known = feature.WhichOneof("kind")
    if known not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {_KINDS[known]}")
    getattr(feature, kind).value.append(element)


def _element(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, int):
        if value > _MAX_INT64:
            raise invalid(f"Feature: {name} has uint64 element. Only int64_t is supported.")
        return "int64_list", value
    if isinstance(value, float):
        return "float_list", value
    if isinstance(value, str):
        return "bytes_list", value.encode()
    if is_base64(value):
        return "bytes_list", decode_base64(value)
    raise invalid(f"Feature: {name} has element with unexpected JSON type: {type_of(value)}")
