"""The real server process: REST by raw sockets and urllib, gRPC by the stubs, its end."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import embedded
from serving.client.versions import Versions
from serving.embedded import Address
from tests.serving import held_model
from tests.serving.held_model import Gate

# A machine with other work on it needs longer: this ends what would wait for ever.
SECONDS = 120
# For how long the server lets a call wait for its turn.
PATIENT = ("--rest_api_timeout_in_ms=600000", "--grpc_api_timeout_in_ms=600000")


def raw(address: Address, data: bytes) -> bytes:
    """Returns everything the server says to these bytes until it closes."""
    with socket.create_connection((address.host, address.rest_port), timeout=SECONDS) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


def request(path: str, body: bytes = b"", method: str = "POST", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


PREDICT = "/v1/models/half:predict"


def test_predict_with_urllib(server: Address) -> None:
    body = json.dumps({"instances": [1.0, 2.0]}).encode()
    with urllib.request.urlopen(server.rest + PREDICT, body) as response:  # noqa: S310 - http
        assert response.headers["Content-Type"] == "application/json"
        assert json.load(response) == {"predictions": [2.5, 3.0]}


def test_pipelined_requests_are_answered_in_order(server: Address) -> None:
    bodies = [json.dumps({"instances": [float(number)]}).encode() for number in range(20)]
    answer = raw(server, b"".join(request(PREDICT, body) for body in bodies))
    texts = [part[: part.index(b"}") + 1] for part in answer.split(b"\r\n\r\n")[1:]]
    found = [json.loads(text)["predictions"] for text in texts]
    assert found == [[number / 2 + 2] for number in range(20)]


def test_chunked_body_and_expect(server: Address) -> None:
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    ).encode()
    answer = raw(server, head + b'9\r\n{"instanc\r\n9\r\nes": [4]}\r\n0\r\n\r\n')
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'{"predictions":[4.0]}')


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /v1/models/half HTTP/9.9\r\n\r\n", b"400"),
        (request("/index", method="GET"), b"404"),
        (request("/v1/models/half", method="DELETE"), b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    ],
)
def test_bad_http(server: Address, data: bytes, status: bytes) -> None:
    assert raw(server, data).split(b" ")[1] == status


def test_old_clients_get_their_connection_closed(server: Address) -> None:
    answer = raw(server, b"GET /v1/models/half HTTP/1.0\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_connection_is_kept(server: Address) -> None:
    connection = http.client.HTTPConnection(server.host, server.rest_port, timeout=SECONDS)
    for _ in range(3):
        connection.request("GET", "/v1/models/half")
        assert connection.getresponse().read()
        kept = connection.sock
    connection.request("GET", "/v1/models/half")
    assert connection.getresponse().read()
    assert connection.sock is kept
    connection.close()


@pytest.fixture
def channel(server: Address) -> grpc.Channel:
    return grpc.insecure_channel(f"{server.host}:{server.grpc_port}")


def predict_request(name: str = "half", values: tuple[float, ...] = (1.0, 2.0)) -> object:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = name
    tensor = message.inputs["x"]
    tensor.dtype = 1
    tensor.tensor_shape.dim.add(size=len(values))
    tensor.tensor_shape.dim.add(size=1)
    tensor.tensor_content = np.array(values, np.float32).tobytes()
    return message


def test_grpc_predict(channel: grpc.Channel) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(predict_request(), timeout=SECONDS)
    assert list(response.outputs["y"].float_val) == [2.5, 3.0]
    assert [dim.size for dim in response.outputs["y"].tensor_shape.dim] == [2, 1]
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == "serving_default"


def test_grpc_predict_with_typed_values(channel: grpc.Channel) -> None:
    message = predict_request()
    message.inputs["x"].ClearField("tensor_content")  # type: ignore[attr-defined]
    message.inputs["x"].float_val.extend([3.0, 5.0])  # type: ignore[attr-defined]
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    assert list(stub.Predict(message, timeout=SECONDS).outputs["y"].float_val) == [3.5, 4.5]


def edited(**changes: object) -> object:
    message = predict_request()
    spec = message.model_spec  # type: ignore[attr-defined]
    if "signature" in changes:
        spec.signature_name = changes["signature"]
    if "version" in changes:
        spec.version.value = changes["version"]
    if "label" in changes:
        spec.version_label = changes["label"]
    if "drop" in changes:
        message.inputs.clear()  # type: ignore[attr-defined]
    if "filter" in changes:
        message.output_filter.extend(changes["filter"])  # type: ignore[attr-defined]
    if "dtype" in changes:
        message.inputs["x"].dtype = changes["dtype"]  # type: ignore[attr-defined]
    if "size" in changes:
        message.inputs["x"].tensor_shape.dim[0].size = changes["size"]  # type: ignore[attr-defined]
    return message


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (predict_request(""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (predict_request("no"), "NOT_FOUND", "Servable not found for request: Latest(no)"),
        (edited(version=9), "NOT_FOUND", "Servable not found for request: Specific(half, 9)"),
        (edited(label="x"), "INVALID_ARGUMENT", "Unrecognized servable version label: x"),
        (edited(signature="x"), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
        (edited(drop=True), "INVALID_ARGUMENT",
         "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. "
         "Missing but required: {x}."),
        (edited(filter=["z"]), "INVALID_ARGUMENT", "output tensor alias not found in signature: z"),
        (edited(filter=["y", "y"]), "INVALID_ARGUMENT", "duplicate output tensor alias: y"),
        (edited(dtype=3), "INVALID_ARGUMENT", "input tensor alias x has type int32"),
        (edited(size=5), "INVALID_ARGUMENT", "tensor does not parse"),
    ],
)  # fmt: skip
def test_grpc_refusals(channel: grpc.Channel, message: object, code: str, details: str) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(message, timeout=SECONDS)
    assert caught.value.code().name == code
    assert caught.value.details().startswith(details)


def test_grpc_metadata(channel: grpc.Channel) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "half"
    response = stub.GetModelMetadata(message, timeout=SECONDS)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    assert found.signature_def["serving_default"].inputs["x"].name == "x:0"
    message.metadata_field.append("other")
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetModelMetadata(message, timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def served_states(channel: grpc.Channel, model: str) -> list[tuple[int, int]]:
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = model
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    response = stub.GetModelStatus(message, timeout=SECONDS)
    return [(one.version, one.state) for one in response.model_version_status]


def test_grpc_status_and_health(channel: grpc.Channel) -> None:
    assert served_states(channel, "half") == [(123, 30)]
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "tensorflow.serving.PredictionService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(embedded.executable()), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MODEL_")}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, env=environment
    )


def test_mistakes_end_with_one_line(half_plus_two: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases = [
            (["--no_such_flag=1"], "unrecognized arguments: --no_such_flag=1"),
            ([], "give --model_base_path or --model_config_file"),
            ([f"--model_base_path={tmp_path / 'none'}"],
             f"base path {tmp_path / 'none'} is not a directory"),
            ([f"--model_base_path={half_plus_two}", f"--rest_api_port={port}", "--port=0"],
             f"cannot listen on 127.0.0.1:{port} (--rest_api_port)"),
        ]  # fmt: skip
        for arguments, message in cases:
            result = run(*arguments)
            assert result.returncode != 0
            assert message in result.stderr
            assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_a_base_path_without_versions_and_a_broken_one(tmp_path: Path) -> None:
    result = run("--model_base_path", tmp_path, "--port=0")
    assert result.returncode == 1
    assert f"no versions of model default to serve in {tmp_path}" in result.stderr
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"not a model")
    result = run("--model_base_path", tmp_path, "--port=0")
    assert result.returncode == 1
    assert "does not load as a SavedModel" in result.stderr.splitlines()[-1]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    folder = tmp_path / "gate"
    folder.mkdir()
    gate = Gate(folder)
    yield gate
    gate.close()


@pytest.fixture
def held(tmp_path: Path, gate: Gate) -> Path:
    """A model whose calls take as long as its gate is shut."""
    held_model.write(tmp_path / "held" / "1", gate)
    return tmp_path / "held"


def predict_held(number: int) -> bytes:
    return request("/v1/models/held:predict", b'{"instances": [%d.0]}' % number)


def connected(stack: contextlib.ExitStack, address: Address) -> socket.socket:
    place = (address.host, address.rest_port)
    return stack.enter_context(socket.create_connection(place, timeout=SECONDS))


def test_sigterm_answers_what_was_begun(held: Path, gate: Gate) -> None:
    address = Address(*embedded.free_ports(2))
    command = embedded.command("held", held, address, *PATIENT)
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(embedded.started(command))
        embedded.wait_until_ready(address, "held", process=process)
        channel = stack.enter_context(grpc.insecure_channel(f"{address.host}:{address.grpc_port}"))
        busy = [connected(stack, address) for _ in range(3)]
        idle = connected(stack, address)
        gate.shut()
        for connection in busy:
            connection.sendall(predict_held(1))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        message = predict_request("held")
        message.inputs["x"].tensor_shape.dim.pop()  # type: ignore[attr-defined]
        by_grpc = [stub.Predict.future(message, timeout=SECONDS) for _ in range(2)]
        gate.wait_until_reached()
        # What was sent before these questions has come before them.
        assert Versions(address.rest, "held").available() == [1]
        assert served_states(channel, "held") == [(1, 30)]
        process.send_signal(signal.SIGTERM)
        assert idle.recv(65536) == b""
        gate.open()
        for connection in busy:
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK") and b"Connection: close" in answer
            assert answer.endswith(b'{"predictions":[1.0]}')
        for one in by_grpc:
            assert list(one.result().outputs["y"].float_val) == [1.0, 2.0]
        channel.close()
        assert process.wait(SECONDS) == 0


def test_status_answers_while_a_slow_model_works(held: Path, gate: Gate) -> None:
    with (
        embedded.running("held", held, *PATIENT) as address,
        contextlib.ExitStack() as stack,
    ):
        busy = connected(stack, address)
        gate.shut()
        busy.sendall(predict_held(1))
        gate.wait_until_reached()
        assert Versions(address.rest, "held").available() == [1]
        busy.setblocking(False)
        with pytest.raises(BlockingIOError):
            busy.recv(1)  # the prediction was still under way
        gate.open()
