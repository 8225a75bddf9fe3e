"""Conversions between the server's data and the messages of TensorFlow Serving's API."""

import math
from typing import Any

import numpy as np

from serving.server.dataplane.statuses import Code, invalid
from serving.server.dataplane.tensors import (
    DT_BFLOAT16,
    DT_STRING,
    Array,
    numpy_type,
    shape_text,
    type_name,
    type_number,
)
from serving.server.dataplane.versions import Version

# The field of TensorProto that holds the values, by DataType.
_FIELDS = {
    1: "float_val", 2: "double_val", 3: "int_val", 4: "int_val", 5: "int_val", 6: "int_val",
    7: "string_val", 9: "int64_val", 10: "bool_val", 17: "int_val", 22: "uint32_val",
    23: "uint64_val",
}  # fmt: skip
# The tags of float_val and double_val, which are packed (tensorflow/core/framework/tensor.proto).
_FIXED_WIDTH = {1: b"\x2a", 2: b"\x32"}
# Types whose field holds bit patterns, or real and imaginary parts, and NumPy's type of those.
_RARE_FIELDS = {
    8: ("scomplex_val", np.float32), 14: ("half_val", np.uint16), 18: ("dcomplex_val", np.float64),
    19: ("half_val", np.uint16),
}  # fmt: skip

MAX_DIMENSIONS = 254  # of TensorFlow
# Of a tensor whose message holds a single value for all elements.
MAX_REPEATED_BYTES = 256 << 20
# The size of a string in TensorFlow without its characters; NumPy's pointers are smaller.
_STRING_BYTES = 24
_WIDEST = 16  # of complex128: no type that TensorFlow alone has is wider


def shape_of(proto: Any) -> tuple[int, ...]:
    """Returns the shape that a TensorProto claims. Raises ServingError for an impossible one."""
    dimensions = proto.tensor_shape.dim
    if len(dimensions) > MAX_DIMENSIONS:
        raise invalid(f"tensor does not parse: {len(dimensions)} dimensions")
    shape = tuple([dim.size for dim in dimensions])
    if shape and min(shape) < 0:
        raise invalid(f"tensor does not parse: the shape {shape_text(shape)} has a negative size")
    return shape


def bytes_of(proto: Any, shape: tuple[int, ...]) -> int:
    """Returns how many bytes the elements of a TensorProto occupy once it is an array.

    Args:
        proto: the message.
        shape: what it claims.
    """
    count = math.prod(shape)
    if proto.dtype == DT_STRING:
        characters = sum(map(len, proto.string_val))
        repeated = count if len(proto.string_val) == 1 else 1
        return count * _STRING_BYTES + characters * repeated
    dtype = numpy_type(proto.dtype)
    return count * (dtype.itemsize if dtype else _WIDEST)


def to_array(proto: Any) -> Array:
    """Returns a TensorProto as an array. Raises ServingError when it is inconsistent or huge."""
    shape = shape_of(proto)
    dtype = numpy_type(proto.dtype)
    try:
        if proto.tensor_content and dtype is not None and proto.dtype != DT_STRING:
            return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
        field = _FIELDS.get(proto.dtype)
        if field is None or dtype is None:
            return _rare_array(proto, shape)
        values = getattr(proto, field)
        count = math.prod(shape)
        if len(values) == count:
            if proto.dtype == DT_STRING:
                array = np.empty(count, np.object_)
                array[:] = values
                return array.reshape(shape)
            return np.array(values, dtype).reshape(shape)
        if len(values) == 1 and bytes_of(proto, shape) <= MAX_REPEATED_BYTES:
            # A single value stands for all elements (tensorflow/core/framework/tensor.proto).
            return np.full(shape, values[0], dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise invalid(f"tensor does not parse: {error}") from error
    raise invalid(f"tensor of shape {list(shape)} has {len(values)} values")


def to_proto(array: Array, proto: Any) -> None:
    """Fills a TensorProto as TensorFlow Serving does: typed values, which every client can read."""
    number = type_number(array.dtype)
    proto.dtype = number
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = _FIELDS.get(number)
    if field is None:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
        return
    tag = _FIXED_WIDTH.get(number)
    if tag is not None:  # the bytes on the wire are those in memory: a fiftieth of the time
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(tag + _varint(len(data)) + data)
        return
    values = array.ravel().tolist()
    if number == DT_STRING:
        values = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    getattr(proto, field).extend(values)


def _varint(number: int) -> bytes:
    """Returns a number as protobuf encodes it."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def to_compact_proto(array: Array, proto: Any) -> None:
    """Fills a TensorProto with the raw bytes, in a fifth of the time that typed values take."""
    number = type_number(array.dtype)
    if number == DT_STRING:
        to_proto(array, proto)
        return
    proto.dtype = number
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.ascontiguousarray(array).tobytes()


def fill_classes(rows: list[list[tuple[bytes, float]]], result: Any) -> None:
    """Fills a ClassificationResult."""
    for row in rows:
        classifications = result.classifications.add()
        for label, score in row:
            classifications.classes.add(label=label.decode("utf-8", "replace"), score=score)


def fill_values(values: list[float], result: Any) -> None:
    """Fills a RegressionResult."""
    for value in values:
        result.regressions.add(value=value)


def status_response(versions: list[Version]) -> Any:
    """Returns the states of versions as a GetModelStatusResponse."""
    from tensorflow_serving.apis import get_model_status_pb2

    response = get_model_status_pb2.GetModelStatusResponse()
    for version in versions:
        entry = response.model_version_status.add(version=version.number, state=version.state)
        entry.status.error_code = version.error.code if version.error else Code.OK
        entry.status.error_message = version.problem
    return response


def metadata_response(name: str, version: int, signature_defs: Any) -> Any:
    """Returns the signatures of a version as a GetModelMetadataResponse."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = version
    response.metadata["signature_def"].Pack(_signature_map(signature_defs))
    return response


def status_json(versions: list[Version]) -> bytes:
    """Returns the states of versions as the REST API's JSON."""
    return _json(status_response(versions)).encode()


def metadata_json(name: str, version: int, signature_defs: Any) -> bytes:
    """Returns the signatures of a version as the REST API's JSON."""
    from tensorflow_serving.apis import model_pb2

    spec = model_pb2.ModelSpec(name=name)
    spec.version.value = version
    signatures = _json(_signature_map(signature_defs))
    return (
        f'{{"model_spec": {_json(spec)}, "metadata": {{"signature_def": {signatures}}}}}'.encode()
    )


def _signature_map(signature_defs: Any) -> Any:
    from tensorflow_serving.apis import get_model_metadata_pb2

    message = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in signature_defs.items():
        message.signature_def[name].CopyFrom(signature)
        message.signature_def[name].ClearField("defaults")  # their content is not published
    return message


def _json(message: Any) -> str:
    from google.protobuf import json_format

    return json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _rare_array(proto: Any, shape: tuple[int, ...]) -> Array:
    """Returns a tensor of a type whose values are not simply listed, or which NumPy lacks."""
    dtype = numpy_type(proto.dtype)
    if proto.dtype == DT_BFLOAT16:
        import ml_dtypes

        dtype = np.dtype(ml_dtypes.bfloat16)
    if dtype is None or proto.dtype == DT_STRING:
        raise invalid(f"tensor does not parse: type {type_name(proto.dtype)} is not supported")
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    name, kind = _RARE_FIELDS[proto.dtype]
    values = np.array(getattr(proto, name), kind).view(dtype)
    if values.size == 1 and bytes_of(proto, shape) <= MAX_REPEATED_BYTES:
        return np.full(shape, values[0], dtype)
    if values.size != math.prod(shape):
        raise invalid(f"tensor of shape {list(shape)} has {values.size} values")
    return values.reshape(shape)
