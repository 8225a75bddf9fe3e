"""Predict requests and responses whose bytes differ from earlier ones only in the tensor's values.

A client that sends one tensor as ``tensor_content`` sends the same bytes around it each time, and
gets the same bytes around one output of floats. Reading and writing those through protobuf's
Python costs more than everything else that such a call needs. Here the bytes around the values are
remembered as a form, and compared; whatever differs in any way is left to protobuf.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from serving.server.dataplane import protos
from serving.server.dataplane.statuses import ServingError, invalid
from serving.server.dataplane.tensors import DT_STRING, Array, Signature, numpy_type

MAX_FORMS = 64
MAX_OF_A_SIZE = 4
# A message is parsed twice more when its form is made, and what surrounds the values is kept.
MAX_BYTES = 1 << 20
MAX_AROUND = 4096
_INVERTED = bytes(255 - value for value in range(256))


@dataclass(eq=False, slots=True)
class Form:
    """What requests have in common.

    Attributes:
        head, tail: the bytes around the values.
        message: one of them, without values.
        alias, dtype, shape: of its only input.
        model, signature: the names in its ModelSpec.
        spec: name, version and label of the model, once they are known.
        checked: the signature it was last found to fit.
        wanted: the outputs it asks that signature for.
    """

    head: bytes
    tail: bytes
    message: Any
    alias: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    model: str
    signature: str
    spec: tuple[str, int | None, str | None] | None = None
    checked: Signature | None = None
    wanted: tuple[str, ...] = ()


class Quick:
    """A request of a known form. It has of a PredictRequest what a log reads of any."""

    __slots__ = ("_data", "form")

    def __init__(self, form: Form, data: bytes) -> None:
        self.form = form
        self._data = data

    @property
    def model_spec(self) -> Any:
        """Returns the ModelSpec."""
        return self.form.message.model_spec

    def array(self) -> Array:
        """Returns its only input."""
        form = self.form
        # A copy starts where arrays of any type may start.
        values = self._data[len(form.head) : len(self._data) - len(form.tail)]
        return np.frombuffer(values, form.dtype).reshape(form.shape)

    def ByteSize(self) -> int:  # noqa: N802 - as a message has it
        """Returns the size of the request."""
        return len(self._data)


class Written(bytes):
    """A response as bytes. It has of a message what a transport and a log need of any."""

    def ByteSize(self) -> int:  # noqa: N802 - as a message has it
        """Returns the size of the response."""
        return len(self)

    def SerializeToString(self) -> bytes:  # noqa: N802 - as a message has it
        """Returns the bytes."""
        return self


class Requests:
    """Reads PredictRequests."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self._forms: dict[int, list[Form]] = {}  # by the size of the request
        self._count = 0

    def parse(self, data: bytes) -> Any:
        """Returns a request: Quick, or a message. Raises ServingError for bytes that are none."""
        size = len(data)
        forms = self._forms.get(size, ())
        for form in forms:
            if data.startswith(form.head) and data.endswith(form.tail):
                return Quick(form, data)
        try:
            message = self._message.FromString(data)
        except DecodeError as error:
            raise invalid(f"the request is no {self._message.DESCRIPTOR.full_name}") from error
        if len(forms) < MAX_OF_A_SIZE and size <= MAX_BYTES:
            found = _form(data, message)
            if found:
                self._learn(size, found)
        return message

    def _learn(self, size: int, form: Form) -> None:
        if self._count >= MAX_FORMS:
            self._forms.clear()
            self._count = 0
        self._forms.setdefault(size, []).append(form)
        self._count += 1


def _form(data: bytes, message: Any) -> Form | None:
    if len(message.inputs) != 1:
        return None
    ((alias, proto),) = message.inputs.items()
    content, dtype = proto.tensor_content, numpy_type(proto.dtype)
    if not content or dtype is None or proto.dtype == DT_STRING:
        return None
    try:
        shape = protos.to_array(proto).shape
    except ServingError:
        return None
    other = type(message)()
    other.CopyFrom(message)
    other.inputs[alias].tensor_content = content.translate(_INVERTED)
    around = _around(data, content, other)
    if around is None:
        return None
    other.inputs[alias].ClearField("tensor_content")
    spec = other.model_spec
    return Form(*around, other, alias, dtype, shape, spec.name, spec.signature_name)


def _around(data: bytes, values: bytes, other: Any) -> tuple[bytes, bytes] | None:
    """Returns the bytes around the values in a message; None when they can't be told for sure.

    Args:
        data: the message.
        values: those of one of its fields.
        other: the message with the inverted values instead.
    """
    start = data.find(values)
    head, tail = data[:start], data[start + len(values) :]
    if start < 0 or len(head) + len(tail) > MAX_AROUND:
        return None
    # The field's length is in the head: if other values are read as such, then any are.
    try:
        same = type(other).FromString(head + values.translate(_INVERTED) + tail) == other
    except DecodeError:
        return None
    return (head, tail) if same else None


class Responses:
    """Writes PredictResponses of one output of floats, which protobuf packs as NumPy keeps them."""

    def __init__(self) -> None:
        self._around: dict[tuple[Any, ...], tuple[bytes, bytes]] = {}

    def known(self, key: Any, array: Array) -> Written | None:
        """Returns the response under a key with other values; None for an unknown key."""
        around = self._around.get((key, array.shape, array.dtype.char))
        return Written(around[0] + array.tobytes() + around[1]) if around else None

    def learn(self, key: Any, alias: str, array: Array, response: Any) -> None:
        """Takes in the response under a key, if it has a form.

        Args:
            key: what the response depends on besides the output's shape, type and values.
            alias: of the only output.
            array: the output.
            response: the message.
        """
        field = {"f": "float_val", "d": "double_val"}.get(array.dtype.char)
        if field is None or not array.size or array.nbytes > MAX_BYTES:
            return
        # Values that differ from each other, and whose inverted bytes are no NaN.
        other, values = type(response)(), np.arange(1, array.size + 1, dtype=array.dtype)
        other.CopyFrom(response)
        getattr(other.outputs[alias], field)[:] = values.tolist()
        data = other.SerializeToString()
        inverted = np.frombuffer(values.tobytes().translate(_INVERTED), array.dtype)
        getattr(other.outputs[alias], field)[:] = inverted.tolist()
        around = _around(data, values.tobytes(), other)
        if around:
            if len(self._around) >= MAX_FORMS:
                self._around.clear()
            self._around[key, array.shape, array.dtype.char] = around
