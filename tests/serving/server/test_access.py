"""Who may ask, how, and for how much: API keys, sockets, limits, in real servers."""

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import embedded
from serving.client import Client, RequestFailed
from serving.embedded import Address
from tests.serving.asking import (
    ADMIN,
    BODY,
    KEY,
    METRICS,
    PICTURES,
    PREDICT,
    SECOND,
    ask,
    instances,
    picture,
    serving,
    tensor_request,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def guarded(folder: Path, half_plus_two: Path, classifier: Path) -> Iterator[Address]:
    """A server of ``half`` and ``pictures`` with keys and low limits."""
    options = {
        "max_body_bytes": 100_000,
        "max_decompressed_bytes": 50_000,
        "max_request_rows": 100,
        "max_image_pixels": 1000,
        "max_json_depth": 8,
        "rest_api_enable_cors_support": "true",
    }
    keys = f"{KEY}\n\n{SECOND}\n"
    with serving(folder, half_plus_two, classifier, keys=keys, **options) as address:
        yield address


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
        key = "admin" if path == METRICS else "API"
        assert json.loads(content)["error"].startswith(f"a known {key} key is required")


def test_metrics_need_an_admin_key(guarded: Address) -> None:
    assert ask(guarded, "GET", METRICS, x_api_key=ADMIN)[0] == 200
    status, _, content = ask(guarded, "GET", METRICS, x_api_key=KEY)
    assert status == 403
    assert json.loads(content)["error"] == "an admin key is required, got a client's"
    assert ask(guarded, "POST", PREDICT, BODY, x_api_key=ADMIN)[0] == 200


def test_reload_needs_an_admin_key(guarded: Address) -> None:
    request = model_management_pb2.ReloadConfigRequest()
    with grpc.insecure_channel(f"{guarded.host}:{guarded.grpc_port}") as channel:
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        for key, code, words in (
            ("wrong", "UNAUTHENTICATED", "a known admin key is required"),
            (KEY, "PERMISSION_DENIED", "an admin key is required, got a client's"),
            (ADMIN, "INVALID_ARGUMENT", "Only ModelConfigList is currently supported"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                reload(request, timeout=120, metadata=(("x-api-key", key),))
            assert caught.value.code().name == code
            assert words in caught.value.details()


def test_reload_can_be_switched_off(half_plus_two: Path) -> None:
    with (
        embedded.running("half", half_plus_two, "--enable_config_reload=false") as address,
        grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel,
    ):
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        with pytest.raises(grpc.RpcError) as caught:
            reload(model_management_pb2.ReloadConfigRequest(), timeout=120)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "--enable_config_reload=false" in caught.value.details()


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
                    call(request, timeout=120, metadata=metadata)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        for metadata in ((("x-api-key", KEY),), (("authorization", f"Bearer {SECOND}"),)):
            assert service.GetModelStatus(status, timeout=120, metadata=metadata)


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
            next(ask_it(iter([request]), timeout=120))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("x-api-key", KEY),)
        answer = next(ask_it(iter([request]), timeout=120, metadata=metadata))
    services = {one.name for one in answer.list_services_response.service}
    assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} <= services


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (f"X-API-Key: {KEY}\r\nContent-Length: 30000000\r\n", 413),
        ("Transfer-Encoding: chunked\r\n", 401),
    ],
)
def test_who_is_refused_while_sending_can_read_why(
    guarded: Address, headers: str, status: int
) -> None:
    """If the server closed the connection at once, its end would come before the answer."""
    size = 30_000_000
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: t\r\n{headers}\r\n"
    with socket.create_connection((guarded.host, guarded.rest_port), timeout=120) as one:
        one.sendall(head.encode() + b"%x\r\n" % size + b" " * size)
        answer = b""
        while part := one.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def record(data: bytes) -> bytes:
    from tensorflow.core.example import example_pb2

    example = example_pb2.Example()
    example.features.feature["image"].bytes_list.value.append(data)
    return bytes(example.SerializeToString())


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        (PREDICT, b"[" * 100_001, {}, 413, "The body is larger than 100000 bytes"),
        (PREDICT, gzip.compress(b" " * 50_001, mtime=0), {"Content_Encoding": "gzip"}, 413,
         "the unpacked body is larger than 50000 bytes"),
        (PREDICT, b'{"instances": [' + b"1," * 100 + b"1]}", {}, 400,
         "input x has a batch of 101 rows, at most 100 are allowed"),
        (PREDICT, b'{"inputs": {"x": [' + b"[1]," * 100 + b"[1]]}}", {}, 400,
         "input x has a batch of 101 rows, at most 100 are allowed"),
        ("/v1/models/half:regress", b'{"signature_name": "regress_x_to_y", "examples": ['
         + b"{}," * 100 + b"{}]}", {}, 400, "input inputs has a batch of 101 rows"),
        (PREDICT, b'{"instances": ' + b"[" * 8 + b"1" + b"]" * 8 + b"}", {}, 400,
         "JSON Parse error: nested more than 8 deep (--max_json_depth)"),
        *[(PICTURES, instances(picture(kind, 32)), {}, 400,
           "input image_bytes holds a picture of 1024 pixels, at most 1000 are allowed")
          for kind in ("PNG", "JPEG", "GIF", "BMP")],
        (PICTURES, instances(record(picture("PNG", 32)), "serving_examples"), {}, 400,
         "input examples holds a picture of 1024 pixels, at most 1000 are allowed"),
    ],
)  # fmt: skip
def test_limits(
    guarded: Address, path: str, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    found, _, content = ask(guarded, "POST", path, body, x_api_key=KEY, **headers)
    assert (found, json.loads(content)["error"][: len(message)]) == (status, message)


def test_pictures_within_the_limit_are_decoded(guarded: Address) -> None:
    assert ask(guarded, "POST", PICTURES, instances(picture("PNG", 4)), x_api_key=KEY)[0] == 200


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
            stub.Predict(tensor_request(rows), timeout=120, **options)
        assert caught.value.code().name == code
        assert stub.Predict(tensor_request(100), timeout=120, **options)


@pytest.fixture(scope="module")
def odd(folder: Path, half_plus_two: Path) -> Iterator[Address]:
    """A server with a key in its environment and a UNIX socket."""
    flags = (f"--grpc_socket_path={folder / 'grpc.sock'}", "--enable_signature_method_name_check")
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # for the server only, not for other tests
            patch.setenv("FANOUT_API_KEY", KEY)
            address = stack.enter_context(embedded.running("half", half_plus_two, *flags))
        yield address


def test_key_in_the_environment(odd: Address) -> None:
    assert ask(odd, "POST", PREDICT, BODY)[0] == 401
    assert ask(odd, "POST", PREDICT, BODY, x_api_key=KEY)[0] == 200


def test_a_unix_socket(odd: Address, folder: Path) -> None:
    with grpc.insecure_channel(f"unix:{folder / 'grpc.sock'}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(tensor_request(2), timeout=120, metadata=(("x-api-key", KEY),))
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
        embedded.UNSUPERVISED,
    ]  # fmt: skip
    from serving.server import main

    assert main.main(command) != 0
    file.write_text("short")
    assert main.main(command) != 0
