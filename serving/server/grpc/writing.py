"""Writes response messages: small ones on the event loop, large ones in the converter."""

from dataclasses import dataclass
from typing import Any

from serving.server.dataplane import classify_regress, protos
from serving.server.dataplane.tensors import Array, Signature, Tensors

# A response with this many values is written within a few milliseconds.
LARGE_VALUES = 16384
# A class of an example is a message of its own.
_VALUES_PER_CLASS = 8
# Floats are copied as they are in memory.
_FLOATS_PER_VALUE = 16


@dataclass(frozen=True)
class Result:
    """What a version answered.

    Attributes:
        model, version, signature: that answered.
        outputs: of the signature.
        rows: the number of examples; 0 for a predict request.
    """

    model: str
    version: int
    signature: Signature
    outputs: Tensors
    rows: int = 0


def is_large(outputs: Tensors, *, classes: bool = False) -> bool:
    """Returns whether a response takes long to write.

    Args:
        outputs: of the model.
        classes: whether each value becomes a message.
    """
    if classes:
        return sum(array.size for array in outputs.values()) * _VALUES_PER_CLASS > LARGE_VALUES
    return sum(map(_values, outputs.values())) > LARGE_VALUES


def _values(array: Array) -> int:
    return array.size // _FLOATS_PER_VALUE if array.dtype.kind == "f" else array.size


def predict_response(result: Result) -> bytes:
    """Returns a PredictResponse."""
    from tensorflow_serving.apis import predict_pb2

    response = predict_pb2.PredictResponse()
    _describe(response.model_spec, result)
    for alias, array in result.outputs.items():
        protos.to_proto(array, response.outputs[alias])
    return bytes(response.SerializeToString())


def classification_response(result: Result) -> bytes:
    """Returns a ClassificationResponse. Raises ServingError for outputs that are not classes."""
    from tensorflow_serving.apis import classification_pb2

    response = classification_pb2.ClassificationResponse()
    _describe(response.model_spec, result)
    _fill_classes(response.result, result)
    return bytes(response.SerializeToString())


def regression_response(result: Result) -> bytes:
    """Returns a RegressionResponse. Raises ServingError for outputs that are not values."""
    from tensorflow_serving.apis import regression_pb2

    response = regression_pb2.RegressionResponse()
    _describe(response.model_spec, result)
    _fill_values(response.result, result)
    return bytes(response.SerializeToString())


def inference_response(results: list[tuple[bool, Result]]) -> bytes:
    """Returns a MultiInferenceResponse. Raises the same errors as the two above.

    Args:
        results: of the tasks, and whether each is a classification.
    """
    from tensorflow_serving.apis import inference_pb2

    response = inference_pb2.MultiInferenceResponse()
    for is_classification, result in results:
        part = response.results.add()
        _describe(part.model_spec, result)
        if is_classification:
            _fill_classes(part.classification_result, result)
        else:
            _fill_values(part.regression_result, result)
    return bytes(response.SerializeToString())


def _describe(spec: Any, result: Result) -> None:
    spec.name = result.model
    spec.version.value = result.version
    spec.signature_name = result.signature.name


def _fill_classes(message: Any, result: Result) -> None:
    rows = classify_regress.classes(result.signature, result.outputs, result.rows)
    protos.fill_classes(rows, message)


def _fill_values(message: Any, result: Result) -> None:
    protos.fill_values(classify_regress.values(result.outputs, result.rows), message)
