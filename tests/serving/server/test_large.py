"""Large requests and answers: read and written in the converter, alike to small ones."""

import gzip
import json
from collections.abc import Iterator
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
from serving.server.grpc import messages, reading
from serving.server.rest.json_response import LARGE_VALUES
from serving.server.rest.reading import LARGE_BYTES
from tests.serving.asking import ask
from tests.serving.processes import children, pid

SECONDS = 120
TYPES = "/v1/models/types:predict"
ROWS = 30_000
SERVICE = "tensorflow.serving.PredictionService"


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, half_plus_two: Path, types_model: Path
) -> Iterator[Address]:
    config = tmp_path_factory.mktemp("large") / "models"
    config.write_text(
        f"""model_config_list {{
          config {{ name: "half" base_path: "{half_plus_two}" }}
          config {{ name: "types" base_path: "{types_model}" }}
        }}"""
    )
    flags = (f"--model_config_file={config}", "--max_request_rows=100000")
    with embedded.running("half", None, *flags, embedded.UNSUPERVISED) as address:
        yield address


@pytest.fixture(scope="module")
def service(address: Address) -> Iterator[Any]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}", options) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def post(address: Address, path: str, document: Any, **headers: str) -> tuple[int, Any]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    assert headers or len(body) > LARGE_BYTES
    status, _, content = ask(address, "POST", path, body, **headers)
    return status, json.loads(content)


def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32).round(3)


def test_numbers_in_rows_and_columns(address: Address) -> None:
    x = numbers()
    assert x.size > LARGE_VALUES
    for key, answer_key in (("instances", "predictions"), ("inputs", "outputs")):
        status, answer = post(address, TYPES, {key: x.tolist()})
        assert status == 200
        np.testing.assert_array_equal(np.float32(answer[answer_key]), np.square(x))


def test_a_process_of_its_own_does_it(address: Address) -> None:
    post(address, TYPES, {"inputs": numbers().tolist()})
    (converter,) = children(pid(address))
    assert b"serving.server.offload.program" in Path(f"/proc/{converter}/cmdline").read_bytes()


def test_what_only_the_general_parser_reads(address: Address) -> None:
    rows = [{"a": [number, 0.5], "b": number} for number in range(ROWS)]
    status, answer = post(address, TYPES, {"signature_name": "two", "instances": rows})
    assert status == 200
    assert answer["predictions"][-1] == {"sum": ROWS - 0.5, "twice": 2 * ROWS - 2}
    texts = [{"b64": "YWI="}, "cd"] * ROWS
    status, answer = post(address, TYPES, {"signature_name": "text", "instances": texts})
    assert status == 200
    assert answer["predictions"][:2] == [
        {"plain": "ab", "raw_bytes": {"b64": "YWI="}},
        {"plain": "cd", "raw_bytes": {"b64": "Y2Q="}},
    ]
    assert len(answer["predictions"]) == 2 * ROWS


def test_a_small_body_that_is_large_unpacked(address: Address) -> None:
    x = np.ones((ROWS, 3))
    packed = gzip.compress(json.dumps({"inputs": x.tolist()}).encode())
    assert len(packed) < LARGE_BYTES
    status, answer = post(address, TYPES, packed, Content_Encoding="gzip")
    assert (status, answer) == (200, {"outputs": x.tolist()})
    status, answer = post(address, TYPES, packed[:-20], Content_Encoding="gzip")
    assert (status, answer) == (400, {"error": "the gzip body is incomplete"})
    bomb = gzip.compress(b" " * (65 << 20))
    status, answer = post(address, TYPES, bomb, Content_Encoding="gzip")
    assert (status, answer) == (
        413,
        {"error": f"the unpacked body is larger than {64 << 20} bytes"},
    )


@pytest.mark.parametrize(
    ("path", "change", "status", "words"),
    [
        (TYPES, {"inputs": [[0.5] * 4] * ROWS}, 400, "has shape [30000,4], expected [-1,3]"),
        (TYPES, {"inputs": [[0.5] * 3] * ROWS + [[1.0]]}, 400, "Encountered list at unexpected"),
        (TYPES, {"instances": ["text"] * ROWS}, 400, "is not of expected type: float"),
        (TYPES, {"signature_name": "none", "inputs": [0.5] * ROWS}, 400, '"none" not found'),
        (TYPES, {"inputs": [[0.5] * 3] * 100_001}, 400, "(--max_request_rows)"),
        (TYPES, b"[" * LARGE_BYTES + b"]", 400, "nested more than 64 deep (--max_json_depth)"),
        (TYPES, b'{"inputs": [[1.0, 2.0, 3.0]' + b" " * LARGE_BYTES, 400, "JSON Parse error"),
        ("/v1/models/none:predict", {"inputs": [0.5] * ROWS}, 404, "Latest(none)"),
        ("/v1/models/half:classify", {"examples": [1] * ROWS * 2}, 400, "must be JSON object"),
    ],
)
def test_mistakes_are_named_as_in_small_requests(
    address: Address, path: str, change: Any, status: int, words: str
) -> None:
    found, answer = post(address, path, change)
    assert (found, words in answer["error"]) == (status, True), answer


def test_examples(address: Address) -> None:
    document = {"examples": [{"x": float(number)} for number in range(ROWS)]}
    wanted = [number / 2 + 2 for number in range(ROWS)]
    status, answer = post(
        address, "/v1/models/half:regress", {**document, "signature_name": "regress_x_to_y"}
    )
    assert (status, answer) == (200, {"results": wanted})
    status, answer = post(
        address, "/v1/models/half:classify", {**document, "signature_name": "classify_x_to_y"}
    )
    assert (status, answer) == (200, {"results": [[["y", score]] for score in wanted]})


def predict_request(x: np.ndarray, *, typed: bool = False, size: int = 3) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "types"
    tensor = request.inputs["x"]
    tensor.dtype = 1
    for dimension in (x.size // size, size):
        tensor.tensor_shape.dim.add(size=dimension)
    if typed:
        tensor.float_val.extend(x.ravel().tolist())
    else:
        tensor.tensor_content = x.tobytes()
    return request


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_grpc_numbers(service: Any, typed: bool, compression: Any) -> None:
    x = np.resize(numbers(), (100_000, 3))
    request = predict_request(x, typed=typed)
    assert request.ByteSize() > messages.LARGE_BYTES
    answer = service.Predict(request, SECONDS, compression=compression)
    assert (answer.model_spec.name, answer.model_spec.signature_name) == (
        "types",
        "serving_default",
    )
    found = np.float32(answer.outputs["y"].float_val).reshape(-1, 3)
    np.testing.assert_array_equal(found, np.square(x))


def test_grpc_texts(service: Any) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "types", "text"
    tensor = request.inputs["text_bytes"]
    tensor.dtype = 7
    texts = [b"%d" % number for number in range(reading.MANY_VALUES + 1)]
    tensor.tensor_shape.dim.add(size=len(texts))
    tensor.string_val.extend(texts)
    request.output_filter.append("plain")
    answer = service.Predict(request, SECONDS)
    assert list(answer.outputs) == ["plain"]
    assert list(answer.outputs["plain"].string_val) == texts


def test_grpc_mistakes(service: Any) -> None:
    x = np.zeros((100_000, 4), np.float32)
    wrong_shape = predict_request(x, size=4)
    unknown = predict_request(x[:, :3])
    unknown.inputs["z"].CopyFrom(unknown.inputs["x"])
    torn = predict_request(x[:, :3])
    torn.inputs["x"].tensor_content += b"1"
    no_model = predict_request(x[:, :3])
    no_model.model_spec.name = "none"
    for request, code, words in (
        (wrong_shape, "INVALID_ARGUMENT", "has shape [100000,4], expected [-1,3]"),
        (unknown, "INVALID_ARGUMENT", "Sent extra: {z}"),
        (torn, "INVALID_ARGUMENT", "tensor does not parse"),
        (no_model, "NOT_FOUND", "Latest(none)"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            service.Predict(request, SECONDS)
        assert (caught.value.code().name, words in caught.value.details()) == (code, True)


def test_grpc_bytes_that_are_no_message(address: Address) -> None:
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
        for method in ("Predict", "Classify", "Regress", "MultiInference"):
            call = channel.unary_unary(f"/{SERVICE}/{method}")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"\xff" * (messages.LARGE_BYTES + 1), timeout=SECONDS)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "the request is not a valid tensorflow.serving." in caught.value.details()


def test_grpc_examples(service: Any) -> None:
    count = reading.MANY_VALUES + 1
    wanted = [number / 2 + 2 for number in range(count)]
    classify, regress = (
        classification_pb2.ClassificationRequest(),
        regression_pb2.RegressionRequest(),
    )
    both = inference_pb2.MultiInferenceRequest()
    for request in (classify, regress, both):
        for number in range(count):
            example = request.input.example_list.examples.add()
            example.features.feature["x"].float_list.value.append(number)
    for verb, request in (("classify", classify), ("regress", regress)):
        task = both.tasks.add(method_name=f"tensorflow/serving/{verb}")
        for spec in (request.model_spec, task.model_spec):
            spec.name, spec.signature_name = "half", f"{verb}_x_to_y"

    classified = service.Classify(classify, SECONDS).result
    assert [one.classes[0].score for one in classified.classifications] == wanted
    assert [one.value for one in service.Regress(regress, SECONDS).result.regressions] == wanted
    first, second = service.MultiInference(both, SECONDS).results
    assert first.classification_result == classified
    assert [one.value for one in second.regression_result.regressions] == wanted


def test_an_example_of_another_kind(service: Any) -> None:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "half"
    request.model_spec.signature_name = "classify_x_to_y"
    example = example_pb2.Example()
    example.features.feature["x"].bytes_list.value.append(b"a" * messages.LARGE_BYTES)
    request.input.example_list.examples.append(example)
    with pytest.raises(grpc.RpcError) as caught:
        service.Regress(request, SECONDS)
    assert caught.value.details() == "Expected one output Tensor."
