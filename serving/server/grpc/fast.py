"""A fast path for Predict messages whose bytes differ from earlier ones only in tensor values.

A client that sends one tensor as ``tensor_content`` sends the same bytes around it each time, and
gets the same bytes around one output of floats. Parsing and serialising these with protobuf's
Python code costs more than everything else that such a call needs. Here the bytes around the values
are stored as a form and compared; a message that differs in any way is left to protobuf.
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
# A message is parsed twice more to create its form, and the bytes around the values are kept.
MAX_BYTES = 1 << 20
MAX_AROUND = 4096
# Learning a form takes as long as writing the response three times.
MAX_VALUES = 16384
_INVERTED = bytes(255 - value for value in range(256))


@dataclass(eq=False, slots=True)
class Form:
    """The common parts of requests that differ only in their values.

    Attributes:
        head, tail: the bytes around the values.
        message: one of the requests, without values.
        alias, dtype, shape: of its only input.
        model, signature: the names in its ModelSpec.
        spec: name, version and label of the model, once they are known.
        checked: the signature that it last matched.
        wanted: the outputs that it requests from that signature.
        plain: whether its input is a plain list, for a column of that signature.
        weight: of its input; see InputLimits.check().
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
    plain: bool = False
    weight: int = 0


class Quick:
    """A request of a known form, with those parts of a PredictRequest that a log reads."""

    __slots__ = ("_data", "form")

    def __init__(self, form: Form, data: bytes) -> None:
        self.form = form
        self._data = data

    @property
    def model_spec(self) -> Any:
        """Returns the ModelSpec."""
        return self.form.message.model_spec

    def array(self) -> Array:
        """Returns the only input."""
        form = self.form
        # Slicing makes a copy, which is aligned for arrays of any type.
        values = self._data[len(form.head) : len(self._data) - len(form.tail)]
        return np.frombuffer(values, form.dtype).reshape(form.shape)

    def ByteSize(self) -> int:  # noqa: N802 - the name in protobuf
        """Returns the size of the request."""
        return len(self._data)


class Written:
    """A response as bytes, with those methods of a message that a transport and a log need."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def ByteSize(self) -> int:  # noqa: N802 - the name in protobuf
        """Returns the size of the response."""
        return len(self._data)

    def SerializeToString(self) -> bytes | memoryview:  # noqa: N802 - the name in protobuf
        """Returns the bytes."""
        return self._data


class Requests:
    """Parses PredictRequests."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self._forms: dict[int, list[Form]] = {}  # by the size of the request
        self._count = 0

    def parse(self, data: bytes) -> Any:
        """Returns a request: Quick, or a message. Raises ServingError for invalid bytes."""
        size = len(data)
        forms = self._forms.get(size, ())
        for form in forms:
            if data.startswith(form.head) and data.endswith(form.tail):
                return Quick(form, data)
        try:
            message = self._message.FromString(data)
        except DecodeError as error:
            raise invalid(
                f"the request is not a valid {self._message.DESCRIPTOR.full_name}"
            ) from error
        if len(forms) < MAX_OF_A_SIZE and size <= MAX_BYTES:
            new_form = _form(data, message)
            if new_form:
                self._learn(size, new_form)
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
    """Returns the bytes around the values in a message; None when they are ambiguous.

    Args:
        data: the message.
        values: the bytes of one of its fields.
        other: the message with inverted values instead.
    """
    start = data.find(values)
    head, tail = data[:start], data[start + len(values) :]
    if start < 0 or len(head) + len(tail) > MAX_AROUND:
        return None
    # The field's length is in the head: if other values are parsed correctly, then any values are.
    try:
        same = type(other).FromString(head + values.translate(_INVERTED) + tail) == other
    except DecodeError:
        return None
    return (head, tail) if same else None


class Responses:
    """Writes PredictResponses with one output of floats, which protobuf packs as NumPy does."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self._around: dict[tuple[Any, ...], tuple[bytes, bytes]] = {}

    def known(self, key: Any, array: Array) -> Written | None:
        """Returns the response under a key with other values; None for an unknown key."""
        around = self._around.get((key, array.shape, array.dtype.char))
        return Written(around[0] + array.tobytes() + around[1]) if around else None

    def learn(self, key: Any, alias: str, array: Array, written: bytes) -> None:
        """Stores the form of the response under a key, if it has one.

        Args:
            key: what the response depends on besides the output's shape, type and values.
            alias: of the only output.
            array: the output.
            written: the response.
        """
        field = {"f": "float_val", "d": "double_val"}.get(array.dtype.char)
        if field is None or not array.size or array.size > MAX_VALUES:
            return
        # Values that differ from each other, and whose inverted bytes are not NaN.
        values = np.arange(1, array.size + 1, dtype=array.dtype)
        other = self._message.FromString(written)
        getattr(other.outputs[alias], field)[:] = values.tolist()
        data = other.SerializeToString()
        inverted = np.frombuffer(values.tobytes().translate(_INVERTED), array.dtype)
        getattr(other.outputs[alias], field)[:] = inverted.tolist()
        around = _around(data, values.tobytes(), other)
        if around:
            if len(self._around) >= MAX_FORMS:
                self._around.clear()
            self._around[key, array.shape, array.dtype.char] = around
