"""Reads large request messages in the converter: what is left for the event loop is small."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from serving.server.dataplane import classify_regress, protos
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.statuses import ServingError, invalid
from serving.server.dataplane.tensors import Array
from serving.server.grpc import messages

# Smaller messages can be slow too, if they hold many values of their own length.
MANY_VALUES = 4096


class Large:
    """A request whose tensors or examples were taken out of its message.

    Attributes:
        message: the rest.
        content: the tensors by alias, each an array or why it can't be read; or the tf.Examples.
        weight: of the content; see InputLimits.check().
    """

    def __init__(self, message: Any, content: Any, weight: int, size: int) -> None:
        self.message = message
        self.content = content
        self.weight = weight
        self._size = size

    @property
    def model_spec(self) -> Any:
        """Returns the ModelSpec, if the message has one."""
        return self.message.model_spec

    @property
    def tasks(self) -> Any:
        """Returns the tasks, if the message has them."""
        return self.message.tasks

    def HasField(self, name: str) -> bool:  # noqa: N802 - the name in protobuf
        """Returns whether the message has a field."""
        return bool(self.message.HasField(name))

    def ByteSize(self) -> int:  # noqa: N802 - the name in protobuf
        """Returns the size of the whole request."""
        return self._size


@dataclass(frozen=True)
class Content:
    """The converter's answer: see Large."""

    message: bytes
    content: Any
    weight: int
    size: int


def is_slow_predict(request: Any) -> bool:
    """Returns whether a PredictRequest takes long to convert, although it is small."""
    return sum(len(tensor.string_val) for tensor in request.inputs.values()) > MANY_VALUES


def is_slow_input(request: Any) -> bool:
    """Returns whether a request with tf.Examples takes long to convert, although it is small."""
    message = request.input
    if message.WhichOneof("kind") == "example_list_with_context":
        return len(message.example_list_with_context.examples) > MANY_VALUES
    return len(message.example_list.examples) > MANY_VALUES


def predict(
    message_class: Any, pieces: Sequence[Any], encoding: str, most: int, limits: InputLimits
) -> Content:
    """Returns the tensors of a PredictRequest, whatever signature they are for.

    Args:
        message_class: of the request.
        pieces, encoding, most: of a messages.Packed.
        limits: for the tensors.

    Raises ServingError for bytes that are not one, or when it needs too much memory.
    """
    request, data_size = _parsed(message_class, pieces, encoding, most)
    arrays: dict[str, Array | ServingError] = {}
    size = 0
    for alias, tensor in request.inputs.items():
        try:
            size += protos.bytes_of(tensor, protos.shape_of(tensor))
            limits.check_bytes(size)
            arrays[alias] = protos.to_array(tensor)
        except ServingError as error:
            arrays[alias] = ServingError(error.code, error.message)
    weight = limits.check_content(
        {alias: array for alias, array in arrays.items() if isinstance(array, np.ndarray)}
    )
    request.ClearField("inputs")
    return Content(request.SerializeToString(), arrays, weight, data_size)


def examples(
    message_class: Any, pieces: Sequence[Any], encoding: str, most: int, limits: InputLimits
) -> Content:
    """Returns the tf.Examples of a request that has an Input. Raises the same errors."""
    request, data_size = _parsed(message_class, pieces, encoding, most)
    inputs = classify_regress.of_input(request.input, limits)
    weight = limits.check_content(inputs)
    request.ClearField("input")
    return Content(request.SerializeToString(), inputs, weight, data_size)


def _parsed(message_class: Any, pieces: Sequence[Any], encoding: str, most: int) -> tuple[Any, int]:
    data = messages.unpacked(pieces, encoding, most)
    try:
        return message_class.FromString(data), len(data)
    except DecodeError as error:
        raise invalid(f"the request is not a valid {message_class.DESCRIPTOR.full_name}") from error
