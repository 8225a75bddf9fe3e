"""The promise of a signature where a call is made, and as the last thing before TensorFlow."""

from typing import Any

import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from serving.server.dataplane import predict, protos
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.dataplane.tensors import Signature, TensorInfo
from serving.server.dataplane.versions import Models

TEXT = Signature("text", "", {"x": TensorInfo("x", 7, (-1,))}, {})


@pytest.mark.parametrize(
    ("signature", "inputs", "problem"),
    [
        ("serving_default", {"x": np.ones((1, 4), np.float32)}, "shape [1,4], expected [-1,3]"),
        ("serving_default", {"x": np.ones(3, np.float32)}, "shape [3], expected [-1,3]"),
        ("two", {"a": np.ones((2, 2), np.float32), "b": np.ones(3, np.int32)},
         "b has 3 rows, but input tensor alias a has 2"),
    ],
)  # fmt: skip
def test_nothing_passes_by(
    models: Models, signature: str, inputs: dict[str, Any], problem: str
) -> None:
    lease = models.lease("types", None)
    try:
        with pytest.raises(ServingError) as caught:
            lease.servable.run(lease.servable.signatures[signature], inputs)
    finally:
        lease.release()
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("shape", "wanted", "expected"),
    [
        ((3, 2), (-1, 2), True),
        ((0, 2), (-1, 2), True),
        ((), (), True),
        ((5, 5), None, True),
        ((), None, True),
        ((3, 2), (3, -1), True),
        ((3, 9), (-1, -1), True),
        ((), (-1,), False),
        ((2,), (), False),
        ((2,), (-1, 2), False),
        ((3, 2, 1), (-1, 2), False),
        ((4, 2), (3, -1), False),
    ],
)
def test_admits(shape: tuple[int, ...], wanted: tuple[int, ...] | None, expected: bool) -> None:
    assert TensorInfo("x", 1, wanted).admits(shape) is expected


def text_of(length: int, count: int) -> Any:
    proto = predict_pb2.PredictRequest().inputs["x"]
    protos.to_proto(np.array([b"x" * length], object), proto)
    proto.tensor_shape.dim[0].size = count
    return proto


def test_a_repeated_text_is_counted_for_each_element() -> None:
    limits = InputLimits(tensor_bytes=1 << 20)
    array = predict.from_messages(TEXT, {"x": text_of(1000, 1000)}, limits)["x"]
    assert array.shape == (1000,)
    with pytest.raises(ServingError, match="1127424 bytes, at most 1048576 are"):
        predict.from_messages(TEXT, {"x": text_of(1000, 1101)}, limits)
    many = np.array([b"x" * 1000] * 2000, object)
    with pytest.raises(ServingError, match="2016000 bytes"):
        limits.check(TEXT, {"x": many})


@pytest.mark.parametrize("number", [1, 14, 18, 19])
def test_claims_are_refused_for_every_type(number: int) -> None:
    """float, bfloat16, complex128 and half, of which TensorFlow reads all but the first."""
    proto = predict_pb2.PredictRequest().inputs["x"]
    proto.dtype = number
    proto.float_val.append(1.0)
    proto.half_val.append(1)
    proto.dcomplex_val.extend([1.0, 0.0])
    proto.tensor_shape.dim.add(size=1 << 34)
    with pytest.raises(ServingError) as caught:
        protos.to_array(proto)
    assert caught.value.code is Code.INVALID_ARGUMENT
    proto.tensor_shape.dim[0].size = 3
    assert protos.to_array(proto).shape == (3,)
    for size in (-1, -(1 << 63)):
        proto.tensor_shape.dim[0].size = size
        with pytest.raises(ServingError, match="negative size"):
            protos.to_array(proto)
