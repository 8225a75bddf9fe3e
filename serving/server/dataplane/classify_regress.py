"""Classify and Regress: tf.Examples in, classes or values out (classifier.cc, …)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE, Servable
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import DT_STRING, Array, Signature, Tensors, shape_text

CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"
INPUTS = "inputs"
CLASSES, SCORES = "classes", "scores"
OUTPUTS = "outputs"


def classification(servable: Servable, name: str) -> Signature:
    """Returns a classification signature. Raises ServingError if the model does not have it."""
    signature = _find(servable, name, CLASSIFY_METHOD, "classification")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if not signature.outputs.keys() & {CLASSES, SCORES}:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            "Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature was: {sorted(signature.outputs)}',
        )
    return signature


def regression(servable: Servable, name: str) -> Signature:
    """Returns a regression signature. Raises ServingError if the model does not have it."""
    signature = _find(servable, name, REGRESS_METHOD, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if OUTPUTS not in signature.outputs:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            f"No regression outputs found in SignatureDef: {sorted(signature.outputs)}",
        )
    return signature


def serialized(
    examples: Sequence[Any], context: Any | None = None, *, limits: InputLimits
) -> Tensors:
    """Returns the input of such a signature from tf.Example messages.

    Each feature of the context applies to every example that has no feature of that name.
    Raises ServingError when there are no examples, or when the context, which is repeated for each
    of them, would need too much memory.
    """
    if not examples:
        raise invalid("Input is empty.")
    # Concatenated messages are merged when they are parsed; the later one takes precedence.
    shared = context.SerializeToString() if context is not None else b""
    limits.check_bytes(len(shared) * len(examples))
    array = np.empty(len(examples), np.object_)
    array[:] = [shared + example.SerializeToString() for example in examples]
    return {INPUTS: array}


def of_input(message: Any, limits: InputLimits) -> Tensors:
    """Returns the input of such a signature from an Input message.

    Raises the same errors as serialized().
    """
    if message.WhichOneof("kind") == "example_list_with_context":
        listed = message.example_list_with_context
        return serialized(listed.examples, listed.context, limits=limits)
    return serialized(message.example_list.examples, limits=limits)


def classes(signature: Signature, outputs: Tensors, count: int) -> list[list[tuple[bytes, float]]]:
    """Returns the label and the score of each class of each example."""
    labels, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, array, number, wanted in (
        (CLASSES, labels, DT_STRING, "DT_STRING"),
        (SCORES, scores, 1, "DT_FLOAT"),
    ):
        if array is None:
            continue
        if array.ndim != 2:
            raise invalid(
                f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(array.shape)}"
            )
        if signature.outputs[name].dtype != number:
            raise invalid(f"Expected {name} Tensor of {wanted}. Got: {array.dtype}")
        if len(array) != count:
            raise invalid(f"Expected {name} output batch size of {count}. Got: {len(array)}")
    return _pairs(labels, scores)


def values(outputs: Tensors, count: int) -> list[float]:
    """Returns the value of each example."""
    array = outputs[OUTPUTS]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{shape_text(array.shape)}"
        )
    if len(array) != count:
        raise invalid(f"Input batch size did not match output batch size: {count} vs. {len(array)}")
    if array.dtype != np.float32:
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {array.dtype}")
    return [float(value) for value in array.ravel()]


def _find(servable: Servable, name: str, method: str, kind: str) -> Signature:
    signature = servable.signature(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name or DEFAULT_SIGNATURE}")
    if servable.check_methods and signature.method != method:
        raise invalid(
            f"Expected {kind} signature method_name to be {method}. Was: {signature.method}"
        )
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if INPUTS not in signature.inputs:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            f"No {kind} inputs found in SignatureDef: {sorted(signature.inputs)}",
        )
    return signature


def _pairs(labels: Array | None, scores: Array | None) -> list[list[tuple[bytes, float]]]:
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid(
            "Tensors class and score should match in dim_size(1). Got "
            f"{labels.shape[1]} vs. {scores.shape[1]}"
        )
    shape = labels.shape if labels is not None else scores.shape if scores is not None else (0, 0)
    return [
        [
            (
                b"" if labels is None else labels[row, column],
                0.0 if scores is None else float(scores[row, column]),
            )
            for column in range(shape[1])
        ]
        for row in range(shape[0])
    ]
