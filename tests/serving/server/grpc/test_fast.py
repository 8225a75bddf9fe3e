"""What is read and written without protobuf is what protobuf would read and write."""

import random
from typing import Any

import numpy as np
import pytest

from serving.server.dataplane import protos
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.grpc import fast
from serving.server.grpc.fast import Quick, Requests, Responses

tensorflow()
from tensorflow_serving.apis import predict_pb2  # noqa: E402


def request(array: Any, alias: str = "x", **spec: Any) -> Any:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = spec.get("name", "m")
    if "version" in spec:
        message.model_spec.version.value = spec["version"]
    protos.to_compact_proto(np.asarray(array), message.inputs[alias])
    return message


def response(array: Any) -> Any:
    message = predict_pb2.PredictResponse()
    message.model_spec.name = "m"
    protos.to_proto(array, message.outputs["y"])
    return message


def test_the_second_request_of_a_form_is_quick() -> None:
    requests = Requests(predict_pb2.PredictRequest)
    first = request(np.float32([[1, 2], [3, 4]]), version=7).SerializeToString()
    second = request(np.float32([[5, 6], [7, np.nan]]), version=7)
    assert not isinstance(requests.parse(first), Quick)
    quick = requests.parse(second.SerializeToString())
    assert isinstance(quick, Quick)
    np.testing.assert_array_equal(quick.array(), np.float32([[5, 6], [7, np.nan]]))
    assert (quick.form.alias, quick.model_spec) == ("x", second.model_spec)
    assert quick.ByteSize() == second.ByteSize()


@pytest.mark.parametrize(
    "other",
    [
        request(np.float32([[1], [2]])),
        request(np.int32([[1, 2]])),
        request(np.float32([[1, 2]]), alias="z"),
        request(np.float32([[1, 2]]), name="n"),
        request(np.float32([[1, 2]]), version=1),
    ],
    ids=["shape", "type", "alias", "model", "version"],
)
def test_another_form_is_left_to_protobuf(other: Any) -> None:
    requests = Requests(predict_pb2.PredictRequest)
    requests.parse(request(np.float32([[1, 2]])).SerializeToString())
    parsed = requests.parse(other.SerializeToString())
    assert parsed == other


@pytest.mark.parametrize("values", [b"", b"x", b"\x00\x00\x80?"])
def test_values_that_are_elsewhere_too_are_not_mistaken(values: bytes) -> None:
    """The name of the model holds the same bytes as the tensor."""
    requests = Requests(predict_pb2.PredictRequest)
    message = request(np.frombuffer(values, np.uint8))
    message.model_spec.name = message.model_spec.signature_name = "x"
    data = message.SerializeToString()
    for _ in range(3):
        parsed = requests.parse(data)
        if isinstance(parsed, Quick):
            assert parsed.array().tobytes() == values
            assert parsed.model_spec.name == "x"
        else:
            assert parsed == message


def test_a_repeated_tensor_counts_as_protobuf_has_it() -> None:
    """Two messages one after the other are one, in which the later values win."""
    requests = Requests(predict_pb2.PredictRequest)
    one, two = (request(np.float32([[number]])).SerializeToString() for number in (1, 2))
    for data in (one + two, one + two, two + one, one + one):
        parsed = requests.parse(data)
        array = parsed.array() if isinstance(parsed, Quick) else None
        wanted = protos.to_array(predict_pb2.PredictRequest.FromString(data).inputs["x"])
        found = protos.to_array(parsed.inputs["x"]) if array is None else array
        np.testing.assert_array_equal(found, wanted)


def test_damaged_requests_are_read_as_protobuf_reads_them() -> None:
    requests = Requests(predict_pb2.PredictRequest)
    chance = random.Random(1)
    good = request(np.float32([[1, 2, 3]]), version=2).SerializeToString()
    requests.parse(good)
    quick = 0
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 2)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            wanted = predict_pb2.PredictRequest.FromString(bytes(data))
        except Exception:
            with pytest.raises(ServingError) as caught:
                requests.parse(bytes(data))
            assert caught.value.code is Code.INVALID_ARGUMENT
            continue
        found = requests.parse(bytes(data))
        if isinstance(found, Quick):
            quick += 1
            assert found.model_spec == wanted.model_spec
            array = protos.to_array(wanted.inputs["x"])
            assert found.array().tobytes() == array.tobytes()
        else:
            assert found.SerializeToString() == wanted.SerializeToString()
    assert quick > 100


def test_forms_are_few_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = Requests(predict_pb2.PredictRequest)
    large = request(np.zeros(fast.MAX_BYTES, np.uint8)).SerializeToString()
    around = request(np.zeros(4, np.uint8), name="m" * fast.MAX_AROUND).SerializeToString()
    for data in (large, around):
        requests.parse(data)
        assert not isinstance(requests.parse(data), Quick)
    monkeypatch.setattr(fast, "MAX_FORMS", 4)
    for size in range(1, 20):
        requests.parse(request(np.zeros(size, np.uint8)).SerializeToString())
        assert sum(map(len, requests._forms.values())) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), ()])
def test_a_response_is_written_as_protobuf_writes_it(dtype: Any, shape: tuple[int, ...]) -> None:
    responses = Responses(predict_pb2.PredictResponse)
    arrays = [np.zeros(shape, dtype), np.full(shape, np.nan, dtype), np.full(shape, -1.5, dtype)]
    assert responses.known("key", arrays[0]) is None
    responses.learn("key", "y", arrays[0], response(arrays[0]).SerializeToString())
    for array in arrays:
        written = responses.known("key", array)
        assert written is not None
        assert written.SerializeToString() == response(array).SerializeToString()
        assert written.ByteSize() == response(array).ByteSize()
    assert responses.known("other key", arrays[0]) is None
    assert responses.known("key", np.zeros((*shape, 2), dtype)) is None
    assert responses.known("key", arrays[0].astype(np.float16)) is None


@pytest.mark.parametrize("array", [np.int64([1]), np.float32([]), np.bool_([True])])
def test_other_responses_are_left_to_protobuf(array: Any) -> None:
    responses = Responses(predict_pb2.PredictResponse)
    responses.learn("key", "y", array, response(array).SerializeToString())
    assert responses.known("key", array) is None
