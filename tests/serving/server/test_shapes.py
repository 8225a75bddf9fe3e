"""Shapes are a promise: whatever breaks it is refused before TensorFlow sees it."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving import embedded
from serving.embedded import Address
from serving.server.dataplane import protos
from serving.server.dataplane.tensors import shape_text
from tests.serving import processes, shape_models
from tests.serving.shape_models import ROWS, SIGNATURES, Input, Shape

SECONDS = 120.0
ANOTHER_TYPE = {object: np.float32, np.float32: np.float64, np.int64: np.int32}
GIBIBYTE = 1 << 30
BIG = 1 << 40


@dataclass
class Asked:
    """A server, and connections to it."""

    address: Address
    rest: http.client.HTTPConnection
    stub: Any

    def post(self, body: Any, verb: str = "predict") -> tuple[int, Any]:
        text = json.dumps(body, default=lambda value: value.decode()).encode()
        self.rest.request("POST", f"/v1/models/m:{verb}", text)
        response = self.rest.getresponse()
        return response.status, json.loads(response.read())

    def columns(self, signature: str, inputs: dict[str, np.ndarray]) -> tuple[int, Any]:
        lists = {alias: array.tolist() for alias, array in inputs.items()}
        return self.post({"signature_name": signature, "inputs": lists})

    def predict(self, signature: str, tensors: dict[str, Any]) -> tuple[str, Any]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "m"
        request.model_spec.signature_name = signature
        for alias, tensor in tensors.items():
            request.inputs[alias].CopyFrom(tensor)
        return self.called(self.stub.Predict, request)

    def called(self, method: Any, request: Any) -> tuple[str, Any]:
        try:
            return "OK", method(request, timeout=SECONDS)
        except grpc.RpcError as error:
            return error.code().name, error.details()

    def sound(self, signature: str) -> None:
        """Fails unless a good request is answered on both transports."""
        inputs = {alias: one.good() for alias, one in SIGNATURES[signature].items()}
        assert self.columns(signature, inputs)[0] == 200
        sent = {alias: compact(array) for alias, array in inputs.items()}
        assert self.predict(signature, sent)[0] == "OK"


@pytest.fixture(scope="module")
def asked(promises: Path) -> Iterator[Asked]:
    """Fails when the server is not the same process at the end."""
    with embedded.running("m", promises, "--max_request_rows=2") as address:
        before = processes.pid(address)
        rest = http.client.HTTPConnection(address.host, address.rest_port, timeout=SECONDS)
        with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
            yield Asked(address, rest, prediction_service_pb2_grpc.PredictionServiceStub(channel))
        rest.close()
        assert processes.pid(address) == before


def compact(array: np.ndarray) -> Any:
    proto = predict_pb2.PredictRequest().inputs["x"]
    protos.to_compact_proto(array, proto)
    return proto


def typed(array: np.ndarray) -> Any:
    proto = predict_pb2.PredictRequest().inputs["x"]
    protos.to_proto(array, proto)
    return proto


def repeated(array: np.ndarray) -> Any:
    """Returns a tensor of the array's shape with one value for all elements."""
    proto = typed(array.ravel()[:1] if array.size else array)
    proto.tensor_shape.CopyFrom(typed(array).tensor_shape)
    return proto


def text(shape: Shape | None) -> str:
    return shape_text(shape or ())


def words(alias: str, got: Shape, wanted: Shape | None) -> str:
    return f"input tensor alias {alias} has shape {text(got)}, expected {text(wanted)}"


def cases() -> Iterator[tuple[str, str, Input, Shape]]:
    """Yields signature, alias, input and a wrong shape."""
    for signature, inputs in SIGNATURES.items():
        for alias, one in inputs.items():
            for shape in shape_models.wrong_shapes(one.shape):
                yield signature, alias, one, shape


def test_every_wrong_shape_over_rest(asked: Asked) -> None:
    count = 0
    for signature, alias, one, shape in cases():
        # JSON has no sizes within an empty list.
        got = shape[: shape.index(0) + 1] if 0 in shape else shape
        if shape_models.admitted(one.shape or (), got):
            continue
        inputs = {alias: other.good() for alias, other in SIGNATURES[signature].items()}
        inputs[alias] = one.array(shape)
        status, answer = asked.columns(signature, inputs)
        expected = (400, {"error": words(alias, got, one.shape)})
        assert (status, answer) == expected, (signature, shape)
        if len(inputs) == 1 and got and 0 not in got:
            rows = {"signature_name": signature, "instances": inputs[alias].tolist()}
            assert asked.post(rows) == expected, (signature, shape)
        count += 1
    for signature in SIGNATURES:
        asked.sound(signature)
    assert count > 200


def test_every_wrong_shape_over_grpc(asked: Asked) -> None:
    count = 0
    for signature, alias, one, shape in cases():
        inputs = {alias: compact(other.good()) for alias, other in SIGNATURES[signature].items()}
        array = one.array(shape)
        # The second of two equal messages is of a form that the server knows.
        for tensor in (compact(array), compact(array), typed(array), repeated(array)):
            code, details = asked.predict(signature, {**inputs, alias: tensor})
            assert (code, details) == ("INVALID_ARGUMENT", words(alias, shape, one.shape))
            count += 1
    for signature in SIGNATURES:
        asked.sound(signature)
    assert count > 800


def test_every_wrong_type_and_number_of_rows(asked: Asked) -> None:
    for signature, inputs in SIGNATURES.items():
        good = {alias: one.good() for alias, one in inputs.items()}
        for alias, one in inputs.items():
            other = Input(ANOTHER_TYPE[one.dtype], one.shape).good()
            sent = {**good, alias: other}
            code, details = asked.predict(signature, {a: compact(b) for a, b in sent.items()})
            assert code == "INVALID_ARGUMENT"
            assert f"input tensor alias {alias} has type" in details
            wrong = np.full(good[alias].shape, True if one.dtype is object else b"no", object)
            assert asked.columns(signature, {**good, alias: wrong})[0] == 400
        if signature not in ("penguins", "ranks"):
            continue
        first = next(iter(inputs))
        for alias, one in inputs.items():
            sent = {**good, alias: one.good(1)}
            named = alias if alias != first else list(inputs)[1]
            rows = (1, 2) if alias != first else (2, 1)
            error = (
                f"input tensor alias {named} has {rows[0]} rows, but input tensor alias {first} "
                f"has {rows[1]}"
            )
            assert asked.columns(signature, sent) == (400, {"error": error})
            tensors = {a: typed(b) for a, b in sent.items()}
            assert asked.predict(signature, tensors) == ("INVALID_ARGUMENT", error)
        asked.sound(signature)


def test_what_is_not_a_batch_may_differ_and_be_long(asked: Asked) -> None:
    """The server allows two rows; the table has three, and is not a batch."""
    fixed = {alias: one.good() for alias, one in SIGNATURES["fixed"].items()}
    assert asked.columns("fixed", fixed) == (200, {"outputs": np.ones((3, 2)).tolist()})
    several = {"a": np.ones(1, np.float32), "b": np.ones(2, np.float32)}
    assert asked.columns("unbatched", several) == (200, {"outputs": 3.0})
    for shape in ((), (2,), (1, 2, 1, 2)):
        ones = {"x": np.ones(shape, np.float32)}
        assert asked.columns("anything", ones) == (200, {"outputs": len(shape)})
    code, details = asked.predict("column", {"x": compact(np.ones((3, 1), np.float32))})
    assert code == "INVALID_ARGUMENT" and "--max_request_rows" in details


def test_a_plain_list_is_a_column(asked: Asked) -> None:
    for array, answer in (
        (np.float32([1, 2]), [2.5, 3.0]),
        (np.float32([[1], [2]]), [[2.5], [3.0]]),
    ):
        assert asked.columns("column", {"x": array}) == (200, {"outputs": answer})
        rows = {"signature_name": "column", "instances": array.tolist()}
        assert asked.post(rows) == (200, {"predictions": answer})
        for tensor in (compact(array), compact(array), compact(array), typed(array)):
            code, response = asked.predict("column", {"x": tensor})
            assert code == "OK"
            assert protos.to_array(response.outputs["y"]).tolist() == answer


def examples(count: int) -> list[Any]:
    return [example_pb2.Example() for _ in range(count)]


@pytest.mark.parametrize(
    ("prefix", "count", "problem"),
    [
        ("image", 1, "input tensor alias inputs has type string, expected float"),
        ("one", 2, "input tensor alias inputs has shape [2], expected [1]"),
    ],
)
def test_classify_and_regress(asked: Asked, prefix: str, count: int, problem: str) -> None:
    refused = ("INVALID_ARGUMENT", problem)
    multi = inference_pb2.MultiInferenceRequest()
    multi.input.example_list.examples.extend(examples(count))
    for verb, method, message, signature in (
        ("classify", asked.stub.Classify, classification_pb2.ClassificationRequest, "scores"),
        ("regress", asked.stub.Regress, regression_pb2.RegressionRequest, "value"),
    ):
        name = f"{prefix}_{signature}"
        body = {"signature_name": name, "examples": [{}] * count}
        assert asked.post(body, verb) == (400, {"error": problem})
        request = message()
        request.model_spec.name = "m"
        request.model_spec.signature_name = name
        request.input.example_list.examples.extend(examples(count))
        assert asked.called(method, request) == refused
        task = multi.tasks.add(method_name=f"tensorflow/serving/{verb}")
        task.model_spec.CopyFrom(request.model_spec)
        assert asked.called(asked.stub.MultiInference, multi) == refused
        multi.ClearField("tasks")
        if prefix == "one":
            del request.input.example_list.examples[1:]
            assert asked.called(method, request)[0] == "OK"


@pytest.mark.parametrize("dtype", ["float32", "float16", "complex128", "uint8", "object"])
@pytest.mark.parametrize(
    "shape", [(ROWS, BIG), (BIG, BIG), (1 << 32, 1 << 32), (1 << 28, 4), (-1,)]
)
def test_what_claims_to_be_huge_is_not_allocated(asked: Asked, dtype: str, shape: Shape) -> None:
    value = np.full((1,), b"x" if dtype == "object" else 1, dtype)
    tensor = typed(value)
    if dtype in ("float16", "complex128"):
        tensor = compact(value)
        tensor.ClearField("tensor_content")
        if dtype == "float16":
            tensor.half_val.append(15360)
        else:
            tensor.dcomplex_val.extend([1.0, 0.0])
    tensor.tensor_shape.ClearField("dim")
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    for signature, alias in (("anything", "x"), ("ranks", "d"), ("penguins", "sex")):
        sent = {a: compact(one.good()) for a, one in SIGNATURES[signature].items()}
        assert asked.predict(signature, {**sent, alias: tensor})[0] == "INVALID_ARGUMENT"
    assert processes.peak(asked.address) < GIBIBYTE


def test_a_context_is_counted_for_each_example(asked: Asked) -> None:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "m"
    request.model_spec.signature_name = "one_value"
    listed = request.input.example_list_with_context
    listed.context.features.feature["x"].bytes_list.value.append(b"x" * (1 << 20))
    listed.examples.extend(examples(1000))
    code, details = asked.called(asked.stub.Regress, request)
    assert code == "INVALID_ARGUMENT" and "--max_tensor_bytes" in details
    assert processes.peak(asked.address) < GIBIBYTE
