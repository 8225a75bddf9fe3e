"""What nobody should send, and what happens while versions come and go."""

import contextlib
import socket
import time
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import predict_pb2

from serving import embedded
from serving.embedded import Address
from tests.programs import fuzz, soak

MALFORMED = 1500
# A machine with other work on it needs longer: these end what would go on for ever.
SECONDS = 120.0
SOAK_SECONDS = 600.0
ACTIONS = 24


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, promises: Path) -> Path:
    return fuzz.write_models(tmp_path_factory.mktemp("fuzzed"), promises)


@pytest.mark.parametrize("onednn", [True, False])
def test_malformed_requests_do_no_harm(fuzzed: Path, onednn: bool) -> None:
    """A small part of what ``make fuzz-serving`` sends."""
    with fuzz.server(fuzzed, onednn=onednn) as address:
        report = fuzz.run(address, MALFORMED, seed=5)
    assert report.problems == [], report.text()
    assert set(report.sent) == {
        "JSON", "gzip", "HTTP", "HTTP/2", "protobuf", "picture", "tf.Example", "shape",
        "network", "sound",
    }  # fmt: skip
    assert report.answers["200"] and report.answers["OK"]  # some remained sound


def test_versions_come_go_and_break_under_load() -> None:
    """A small part of what ``make soak-serving`` does: until all has happened."""
    report = soak.run(SOAK_SECONDS, seed=7, enough=lambda seen: not lacking(seen))
    assert report.problems == [], report.text()
    assert lacking(report) == [], report.text()


def lacking(report: soak.Report) -> list[str]:
    """Returns what has not happened yet."""
    actions = ("promoted", "rolled back", "promoted broken", "damaged while live", "completed")
    found = [
        action for action in actions if not any(done.startswith(action) for done in report.actions)
    ]
    found += [kind for kind in ("rest", "grpc") if report.requests[kind] <= 50]
    return found + ["actions"] * (report.actions.total() < ACTIONS)


def test_a_tensor_that_claims_to_be_huge(server: Address) -> None:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "half"
    message.inputs["x"].dtype = 1
    for size in (1 << 40, 1 << 40):
        message.inputs["x"].tensor_shape.dim.add(size=size)
    message.inputs["x"].float_val.append(1.0)
    with grpc.insecure_channel(f"{server.host}:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        with pytest.raises(grpc.RpcError) as caught:
            call(message.SerializeToString(), timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_silent_and_surplus_connections(half_plus_two: Path) -> None:
    options = ("--rest_api_timeout_in_ms=500", "--max_connections=3")
    with (
        embedded.running("half", half_plus_two, *options) as address,
        contextlib.ExitStack() as stack,
    ):
        with connected(address) as slow:
            slow.sendall(b"POST /v1/models/half:predict HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
            assert slow.recv(65536).startswith(b"HTTP/1.1 408 ")
        idle = [stack.enter_context(kept(address)) for _ in range(3)]
        with connected(address) as surplus:
            assert surplus.recv(65536).startswith(b"HTTP/1.1 503 ")
        for one in idle:
            one.close()
        assert embedded.wait_until_ready(address, "half", timeout=SECONDS) == [123]


def connected(address: Address) -> socket.socket:
    return socket.create_connection((address.host, address.rest_port), timeout=SECONDS)


def kept(address: Address) -> socket.socket:
    """Returns a connection that was answered and is kept.

    It is refused as long as the server has not seen that those before it have gone.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        one = connected(address)
        one.sendall(b"GET /v1/models/half HTTP/1.1\r\nHost: t\r\n\r\n")
        answer = one.recv(65536)
        if answer.startswith(b"HTTP/1.1 200 "):
            return one
        one.close()
        assert time.monotonic() < deadline, answer
