"""What an operator turns on: API key, access log, request log, limits, in real servers."""

import base64
import contextlib
import gzip
import http.client
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import embedded, request_log
from serving.client import Client, RequestFailed
from serving.embedded import Address

KEY, SECOND = "a-key-of-the-tests-1", "a-key-of-the-tests-2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operation")


@pytest.fixture(scope="module")
def guarded(folder: Path, half_plus_two: Path, classifier: Path) -> Iterator[Address]:
    """A server of ``half`` and ``pictures`` with everything on and low limits."""
    (folder / "keys").write_text(f"{KEY}\n\n{SECOND}\n")
    (folder / "monitoring").write_text("prometheus_config { enable: true }")
    pictures = folder / "pictures"
    pictures.mkdir()
    (pictures / "1").symlink_to(classifier)
    (folder / "models").write_text(
        f"""model_config_list {{
          config {{
            name: "half" base_path: "{half_plus_two}"
            logging_config {{
              log_collector_config {{ type: "tfrecord" filename_prefix: "{folder}/own/half" }}
              sampling_config {{ sampling_rate: 1.0 }}
            }}
          }}
          config {{ name: "pictures" base_path: "{pictures}" }}
        }}"""
    )
    options = {
        "model_config_file": folder / "models",
        "monitoring_config_file": folder / "monitoring",
        "api_key_file": folder / "keys",
        "access_log": folder / "access.log",
        "request_log_prefix": folder / "requests",
        "request_log_sampling_rate": "1",
        "max_body_bytes": 100_000,
        "max_decompressed_bytes": 50_000,
        "max_request_rows": 100,
        "max_image_pixels": 1000,
        "max_json_depth": 8,
        "rest_api_enable_cors_support": "true",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    with embedded.running("half", None, *flags) as address:
        yield address


def ask(
    address: Address, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.headers), content


PREDICT = "/v1/models/half:predict"
METRICS = "/monitoring/prometheus/metrics"
BODY = b'{"instances": [1.0]}'


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": KEY},
        {"X_API_Key": SECOND},
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {SECOND}"},
    ],
)
def test_a_known_key_opens(guarded: Address, headers: dict[str, str]) -> None:
    status, _, content = ask(guarded, "POST", PREDICT, BODY, **headers)
    assert (status, content) == (200, b'{"predictions":[2.5]}')


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": KEY[:-1]},
        {"x_api_key": KEY + "x"},
        {"x_api_key": "\u00e9" * 20},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
    ],
)
def test_others_are_refused(guarded: Address, headers: dict[str, str]) -> None:
    for method, path in (("POST", PREDICT), ("GET", METRICS), ("GET", "/v1/models/half/metadata")):
        body = BODY if method == "POST" else b""
        status, answered, content = ask(guarded, method, path, body, **headers)
        assert status == 401
        assert answered["WWW-Authenticate"] == "Bearer"
        assert json.loads(content)["error"].startswith("a known API key is required")


def test_what_needs_no_key(guarded: Address) -> None:
    assert ask(guarded, "GET", "/v1/models/half")[0] == 200
    assert ask(guarded, "GET", "/v1/models/half/versions/123")[0] == 200
    status, headers, _ = ask(guarded, "OPTIONS", PREDICT, Origin="https://page.example")
    assert status == 200
    assert "X-API-Key" in headers["Access-Control-Allow-Headers"]
    with grpc.insecure_channel(f"{guarded.host}:{guarded.grpc_port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_grpc_key(guarded: Address) -> None:
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "half"
    with grpc.insecure_channel(f"{guarded.host}:{guarded.grpc_port}") as channel:
        service = model_service_pb2_grpc.ModelServiceStub(channel)
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for metadata in ((), (("x-api-key", "wrong"),), (("authorization", KEY),)):
            for call, request in (
                (service.GetModelStatus, status),
                (prediction.Predict, predict_pb2.PredictRequest()),
            ):
                with pytest.raises(grpc.RpcError) as caught:
                    call(request, timeout=20, metadata=metadata)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        for metadata in ((("x-api-key", KEY),), (("authorization", f"Bearer {SECOND}"),)):
            assert service.GetModelStatus(status, timeout=20, metadata=metadata)


def test_the_client_shows_its_key(guarded: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (guarded.rest, guarded.grpc):
        with Client(url, "half", api_key=KEY) as client:
            assert client.predict([[1.0]]).tolist() == [[2.5]]
        with Client(url, "half") as client, pytest.raises(RequestFailed, match="API key"):
            client.predict([[1.0]])
        monkeypatch.setenv("FANOUT_API_KEY", SECOND)
        with Client(url, "half") as client:
            assert client.predict([[1.0]]).tolist() == [[2.5]]
        monkeypatch.delenv("FANOUT_API_KEY")


def test_reflection(guarded: Address) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    request = reflection_pb2.ServerReflectionRequest(list_services="*")
    with grpc.insecure_channel(f"{guarded.host}:{guarded.grpc_port}") as channel:
        ask_it = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        with pytest.raises(grpc.RpcError) as caught:
            next(ask_it(iter([request]), timeout=20))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("x-api-key", KEY),)
        answer = next(ask_it(iter([request]), timeout=20, metadata=metadata))
    services = {one.name for one in answer.list_services_response.service}
    assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} <= services


def picture(kind: str, side: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def instances(data: bytes, signature: str = "serving_bytes") -> bytes:
    encoded = base64.b64encode(data).decode()
    return json.dumps({"signature_name": signature, "instances": [{"b64": encoded}]}).encode()


def record(data: bytes) -> bytes:
    from tensorflow.core.example import example_pb2

    example = example_pb2.Example()
    example.features.feature["image"].bytes_list.value.append(data)
    return bytes(example.SerializeToString())


PICTURES = "/v1/models/pictures:predict"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        (PREDICT, b"[" * 100_001, {}, 413, "The body is larger than 100000 bytes"),
        (PREDICT, gzip.compress(b" " * 50_001), {"Content_Encoding": "gzip"}, 413,
         "the unpacked body is larger than 50000 bytes"),
        (PREDICT, b'{"instances": [' + b"1," * 100 + b"1]}", {}, 400,
         "input x has a batch of 101 rows, allowed are 100"),
        (PREDICT, b'{"inputs": {"x": [' + b"[1]," * 100 + b"[1]]}}", {}, 400,
         "input x has a batch of 101 rows, allowed are 100"),
        ("/v1/models/half:regress", b'{"signature_name": "regress_x_to_y", "examples": ['
         + b"{}," * 100 + b"{}]}", {}, 400, "input inputs has a batch of 101 rows"),
        (PREDICT, b'{"instances": ' + b"[" * 8 + b"1" + b"]" * 8 + b"}", {}, 400,
         "JSON Parse error: nested more than 8 deep (--max_json_depth)"),
        *[(PICTURES, instances(picture(kind, 32)), {}, 400,
           "input image_bytes holds a picture of 1024 pixels, allowed are 1000")
          for kind in ("PNG", "JPEG", "GIF", "BMP")],
        (PICTURES, instances(record(picture("PNG", 32)), "serving_examples"), {}, 400,
         "input examples holds a picture of 1024 pixels, allowed are 1000"),
    ],
)  # fmt: skip
def test_limits(
    guarded: Address, path: str, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    found, _, content = ask(guarded, "POST", path, body, x_api_key=KEY, **headers)
    assert (found, json.loads(content)["error"][: len(message)]) == (status, message)


def test_pictures_within_the_limit_are_decoded(guarded: Address) -> None:
    assert ask(guarded, "POST", PICTURES, instances(picture("PNG", 4)), x_api_key=KEY)[0] == 200


def tensor_request(rows: int, model: str = "half") -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["x"].dtype = 1
    for size in (rows, 1):
        request.inputs["x"].tensor_shape.dim.add(size=size)
    request.inputs["x"].tensor_content = np.ones(rows, np.float32).tobytes()
    return request


@pytest.mark.parametrize(
    ("rows", "compression", "code"),
    [
        (101, grpc.Compression.NoCompression, "INVALID_ARGUMENT"),
        (30_000, grpc.Compression.NoCompression, "RESOURCE_EXHAUSTED"),
        (30_000, grpc.Compression.Gzip, "RESOURCE_EXHAUSTED"),  # small as it is sent
    ],
)
def test_grpc_limits(guarded: Address, rows: int, compression: Any, code: str) -> None:
    with grpc.insecure_channel(f"{guarded.host}:{guarded.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        options = {"metadata": (("x-api-key", KEY),), "compression": compression}
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(tensor_request(rows), timeout=20, **options)
        assert caught.value.code().name == code
        assert stub.Predict(tensor_request(100), timeout=20, **options)


def lines(path: Path, wanted: Any) -> list[dict[str, Any]]:
    """Returns the lines of an access log that are wanted, as soon as there are any."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [json.loads(line) for line in path.read_text().splitlines()]
        if matching := [line for line in found if wanted(line)]:
            return matching
        time.sleep(0.02)
    raise AssertionError(path.read_text()[-2000:])


def test_access_log(guarded: Address, folder: Path) -> None:
    path = "/v1/models/half/versions/123:predict"
    ask(guarded, "POST", path, BODY, x_api_key=KEY)
    (line, *_) = lines(folder / "access.log", lambda line: line["path"] == path)
    assert line["time"].endswith("Z") and line["remote"].startswith("127.0.0.1:")
    assert 0 <= line.pop("milliseconds") < 10_000
    del line["time"], line["remote"]
    assert line == {
        "transport": "rest", "method": "POST", "path": path, "model": "half", "status": 200,
        "request_bytes": len(BODY), "response_bytes": len(b'{"predictions":[2.5]}'),
    }  # fmt: skip
    ask(guarded, "POST", "/v1/models/none:predict", BODY)
    assert lines(folder / "access.log", lambda line: line["model"] == "none")[0]["status"] == 401
    with Client(guarded.grpc, "half", api_key=KEY) as client:
        client.predict([[1.0]])
    (line, *_) = lines(
        folder / "access.log",
        lambda line: line["path"].endswith("/Predict") and line["status"] == "OK",
    )
    assert line["path"] == "/tensorflow.serving.PredictionService/Predict"
    assert (line["transport"], line["model"]) == ("grpc", "half")
    assert line["request_bytes"] > 10 and line["response_bytes"] > 10
    assert KEY not in (folder / "access.log").read_text()


def logged(prefix: Path, wanted: Any) -> list[request_log.Logged]:
    """Returns the records of a log that are wanted, as soon as there are any."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := [one for one in request_log.read(prefix) if wanted(one)]:
            return found
        time.sleep(0.05)
    raise AssertionError([one.message for one in request_log.read(prefix)])


def test_request_log(guarded: Address, folder: Path) -> None:
    ask(guarded, "POST", PREDICT, b'{"instances": [[71.0], [72.0]]}', x_api_key=KEY)
    prefix = folder / "own" / "half"
    (rest,) = logged(prefix, lambda one: one.kind == "predict" and 71.0 in one.inputs["x"])
    assert (rest.model, rest.version, rest.signature) == ("half", 123, "serving_default")
    assert rest.inputs["x"].tolist() == [[71.0], [72.0]]
    assert rest.outputs["y"].tolist() == [[37.5], [38.0]]
    metadata = rest.message.log_metadata
    assert metadata.sampling_config.sampling_rate == 1.0
    assert list(metadata.saved_model_tags) == ["serve"]
    with Client(guarded.grpc, "half", api_key=KEY) as client:
        client.predict([[73.0]])
    (by_grpc,) = logged(prefix, lambda one: one.kind == "predict" and 73.0 in one.inputs["x"])
    assert by_grpc.outputs["y"].tolist() == [[38.5]]
    for verb, name in (("regress", "regress_x_to_y"), ("classify", "classify_x_to_y")):
        body = json.dumps({"signature_name": name, "examples": [{"x": 74.0}]}).encode()
        ask(guarded, "POST", f"/v1/models/half:{verb}", body, x_api_key=KEY)
    (regressed,) = logged(prefix, lambda one: one.kind == "regress")
    log = regressed.message.regress_log
    (sent,) = log.request.input.example_list.examples
    assert sent.features.feature["x"].float_list.value[0] == 74.0
    assert log.response.result.regressions[0].value == 39.0
    (classified,) = logged(prefix, lambda one: one.kind == "classify")
    result = classified.message.classify_log.response.result.classifications[0]
    assert result.classes[0].score == 39.0
    body = instances(picture("PNG", 4))
    ask(guarded, "POST", PICTURES, body, x_api_key=KEY)  # by the flags' prefix
    one = logged(folder / "requests.pictures", lambda one: one.signature == "serving_bytes")[0]
    assert one.inputs["image_bytes"].tolist() == [picture("PNG", 4)]
    _, _, metrics = ask(guarded, "GET", METRICS, x_api_key=KEY)
    assert b':tensorflow:serving:request_log_count{model_name="half",status_code="OK"}' in metrics


@pytest.fixture(scope="module")
def odd(folder: Path, half_plus_two: Path) -> Iterator[Address]:
    """A server with a key in its environment, a UNIX socket, and logs that no disk takes."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    blocked = folder / "a-file"
    blocked.write_text("")
    (folder / "monitoring").write_text("prometheus_config { enable: true }")
    flags = (
        f"--grpc_socket_path={folder / 'grpc.sock'}",
        "--enable_signature_method_name_check",
        f"--request_log_prefix={blocked / 'requests'}",
        "--request_log_sampling_rate=1",
        "--access_log=/dev/full",
        f"--monitoring_config_file={folder / 'monitoring'}",
    )
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # for the server only, not for other tests
            patch.setenv("FANOUT_API_KEY", KEY)
            address = stack.enter_context(embedded.running("half", half_plus_two, *flags))
        yield address


def test_key_in_the_environment(odd: Address) -> None:
    assert ask(odd, "POST", PREDICT, BODY)[0] == 401
    assert ask(odd, "POST", PREDICT, BODY, x_api_key=KEY)[0] == 200


def test_logging_does_not_hold_up_requests(odd: Address) -> None:
    """Requests are answered, records dropped and counted."""
    for _ in range(20):
        assert ask(odd, "POST", PREDICT, BODY, x_api_key=KEY)[0] == 200
    deadline = time.monotonic() + 10
    wanted = re.compile(
        rb'request_log_count\{model_name="half",status_code="UNAVAILABLE"\} [12]\d\n'
        rb".*access_log_dropped_count [1-9]",
        re.DOTALL,
    )
    while not wanted.search(metrics := ask(odd, "GET", METRICS, x_api_key=KEY)[2]):
        assert time.monotonic() < deadline, metrics.decode()
        time.sleep(0.05)


def test_a_unix_socket(odd: Address, folder: Path) -> None:
    with grpc.insecure_channel(f"unix:{folder / 'grpc.sock'}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(tensor_request(2), timeout=20, metadata=(("x-api-key", KEY),))
        assert list(answer.outputs["y"].float_val) == [2.5, 2.5]


def test_method_names_on_demand(odd: Address) -> None:
    body = b'{"examples": [{"x": 1.0}]}'
    status, _, content = ask(odd, "POST", "/v1/models/half:regress", body, x_api_key=KEY)
    assert status == 400
    assert b"Expected regression signature method_name to be" in content


def test_start_up_with_a_bad_key_file(half_plus_two: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    command = [
        f"--model_base_path={half_plus_two}", f"--api_key_file={file}", "--port=0",
    ]  # fmt: skip
    from serving.server import main

    assert main.main(command) != 0
    file.write_text("short")
    assert main.main(command) != 0
