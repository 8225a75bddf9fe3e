"""Connections that are closed, broken off or idle hold nothing of what was sent to them."""

import asyncio
import gc
import socket
import ssl
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import trustme
from google.protobuf.wrappers_pb2 import BytesValue

from serving.embedded import Address
from serving.server.dataplane.scheduler import Scheduler
from serving.server.dataplane.versions import Models
from serving.server.grpc import handlers, messages
from serving.server.grpc.handlers import Method
from serving.server.grpc.transport import GrpcProtocol, GrpcServer
from serving.server.http2 import frames, headers
from serving.server.http2.frames import Error, Flag
from serving.server.offload.converter import Converter
from serving.server.rest.api import Rest
from serving.server.rest.transport import HttpProtocol
from tests.serving.processes import children, memory, pid, resident
from tests.serving.server.loops import SECONDS, listening, wait_until

MEGABYTE = 1 << 20
SIZE = 3 * MEGABYTE
# What a connection without a request may have allocated, in bytes.
LITTLE = SIZE // 2
# What the converter may occupy after requests of this size: its modules, and one of them.
CONVERTER_BYTES = 128 * MEGABYTE


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def growth() -> Iterator[Callable[[], int]]:
    """What Python has allocated since the test began, in bytes."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    yield lambda: tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def post(size: int, *extra: str, model: str = "m") -> bytes:
    first = f"POST /v1/models/{model}:predict HTTP/1.1"
    lines = [first, "Host: t", f"Content-Length: {size}", *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class RestHere:
    """The REST transport in this process, without a model; its connections and their refs."""

    def __init__(self) -> None:
        self.connections: set[HttpProtocol] = set()
        self.refs: list[weakref.ref[Any]] = []
        self.rest = Rest(Models())

    def __call__(self, loop: asyncio.AbstractEventLoop) -> HttpProtocol:
        protocol = HttpProtocol(self.rest, Scheduler(loop), Converter(loop), self.connections)
        self.refs.append(weakref.ref(protocol))
        return protocol

    @property
    def gone(self) -> bool:
        return all(ref() is None for ref in self.refs) and not self.rest.total.held


def test_rest_connections_that_close(growth: Callable[[], int]) -> None:
    here = RestHere()
    with listening(here) as port:
        for _ in range(5):
            with connected(port) as one:
                one.sendall(post(SIZE, "Connection: close") + b"x" * SIZE)
                assert one.recv(65536).startswith(b"HTTP/1.1 404 ")
        wait_until(lambda: here.gone and growth() < LITTLE)
    assert len(here.refs) == 5


def test_rest_uploads_that_break_off(growth: Callable[[], int]) -> None:
    here = RestHere()
    with listening(here) as port:
        for number in range(1, 6):
            with connected(port) as one:
                one.sendall(post(SIZE) + b"x" * (SIZE - 1000))
                wait_until(lambda: here.rest.total.held == SIZE - 1000)
                assert growth() > SIZE - 1000
            wait_until(lambda: here.gone and growth() < LITTLE)
            assert len(here.refs) == number


def test_idle_rest_connections(growth: Callable[[], int]) -> None:
    here = RestHere()
    with listening(here) as port, connected(port) as one:
        one.sendall(post(SIZE) + b"x" * SIZE)
        assert one.recv(65536).startswith(b"HTTP/1.1 404 ")
        wait_until(lambda: growth() < LITTLE)
        assert not here.rest.total.held
        one.sendall(b"GET /v1/models/m HTTP/1.1\r\nHost: t\r\n\r\n")  # it is still open
        assert one.recv(65536).startswith(b"HTTP/1.1 404 ")


def test_refused_rest_uploads_while_the_client_stays(growth: Callable[[], int]) -> None:
    here = RestHere()
    with listening(here) as port, connected(port) as one:
        one.sendall(post(SIZE, "Transfer-Encoding: chunked")[: -len(b"\r\n")])
        chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        with connected(port) as other:
            other.sendall(chunked + b"%x\r\n" % SIZE + b"x" * SIZE + b"\r\nno chunk\r\n")
            assert other.recv(65536).startswith(b"HTTP/1.1 400 ")
            wait_until(lambda: growth() < LITTLE and not here.rest.total.held)


def test_rest_connections_under_tls(growth: Callable[[], int]) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    here = RestHere()
    with listening(here, server) as port:
        for whole in (True, False, True, False):
            with client.wrap_socket(connected(port), server_hostname="127.0.0.1") as one:
                part = SIZE if whole else SIZE - 1000
                one.sendall(post(SIZE, "Connection: close") + b"x" * part)
                if whole:
                    assert one.recv(65536).startswith(b"HTTP/1.1 404 ")
                else:
                    wait_until(lambda: here.rest.total.held == SIZE - 1000)
            wait_until(lambda: here.gone and growth() < LITTLE)
    assert len(here.refs) == 4


class Slow:
    """A service that never answers, or with the size of a request."""

    NAME = "test.Slow"

    def __init__(self) -> None:
        self.begun = 0

    def methods(self) -> Mapping[str, Method]:
        return {
            "Start": Method(BytesValue, start=self._start),
            "Work": Method(BytesValue, work=self._work),
            "Stream": Method(BytesValue, stream=self._stream),
            "Size": Method(BytesValue, work=self._size),
        }

    def _start(self, request: Any, *_: Any) -> Callable[[], None]:
        self.begun += 1
        return request.Clear  # type: ignore[no-any-return]

    async def _work(self, request: Any, _: Any) -> Any:
        self.begun += 1
        await asyncio.Event().wait()
        return request

    async def _size(self, request: Any, _: Any) -> Any:
        self.begun += 1
        return BytesValue(value=b"%d" % len(request.value))

    async def _stream(self, requests: AsyncIterator[Any], _: Any) -> Any:
        async for request in requests:
            self.begun += 1
            yield BytesValue(value=b"%d" % len(request.value))


class GrpcHere:
    """The gRPC transport in this process; its connections and their refs."""

    def __init__(self) -> None:
        self.service = Slow()
        self.server = GrpcServer(handlers.table([self.service]))
        self.refs: list[weakref.ref[Any]] = []

    def __call__(self, _: asyncio.AbstractEventLoop) -> GrpcProtocol:
        protocol = GrpcProtocol(self.server)
        self.refs += [weakref.ref(protocol), weakref.ref(protocol._connection)]
        return protocol

    @property
    def gone(self) -> bool:
        return all(ref() is None for ref in self.refs) and not self.server.total.held


def head(path: str) -> bytes:
    block = headers.encode(
        (
            (":method", "POST"), (":scheme", "http"), (":path", path), ("te", "trailers"),
            ("content-type", "application/grpc"),
        )
    )  # fmt: skip
    hello = frames.PREFACE + frames.settings({}) + frames.window_update(0, 1 << 24)
    return hello + frames.headers(1, block, end=False)


def pieces(message: bytes, *, end: bool = False) -> bytes:
    """Returns DATA frames."""
    starts = range(0, len(message), 16384)
    parts = [message[start : start + 16384] for start in starts]
    flags = [0] * (len(parts) - 1) + [Flag.END_STREAM if end else 0]
    return b"".join(
        frames.head(len(part), frames.Type.DATA, flag, 1) + part
        for part, flag in zip(parts, flags, strict=True)
    )


MESSAGE = messages.frame(BytesValue(value=bytes(SIZE)).SerializeToString())


@pytest.mark.parametrize("method", ["Start", "Work", "Stream", "Nothing"])
@pytest.mark.parametrize("by", ["connection", "reset"])
def test_grpc_uploads_that_break_off(method: str, by: str, growth: Callable[[], int]) -> None:
    here = GrpcHere()
    with listening(here) as port:
        for _ in range(3):
            with connected(port) as one:
                one.sendall(head(f"/test.Slow/{method}") + pieces(MESSAGE[:-1000]))
                if method != "Nothing":
                    wait_until(lambda: here.server.total.held == len(MESSAGE) - 1000)
                if by == "reset":
                    one.sendall(frames.reset(1, Error.CANCEL))
                    wait_until(lambda: growth() < LITTLE and not here.server.total.held)
            wait_until(lambda: here.gone and growth() < LITTLE)


@pytest.mark.parametrize("method", ["Start", "Work"])
def test_grpc_calls_whose_client_leaves(method: str, growth: Callable[[], int]) -> None:
    here = GrpcHere()
    with listening(here) as port:
        for number in range(1, 4):
            with connected(port) as one:
                one.sendall(head(f"/test.Slow/{method}") + pieces(MESSAGE, end=True))
                wait_until(lambda n=number: here.service.begun == n)  # type: ignore[misc]
                assert here.server.total.held == len(MESSAGE)
            wait_until(lambda: here.gone and growth() < LITTLE)


@pytest.mark.parametrize("method", ["Size", "Stream"])
def test_idle_grpc_connections_and_streams(method: str, growth: Callable[[], int]) -> None:
    here = GrpcHere()
    unary = method == "Size"
    with listening(here) as port, connected(port) as one:
        one.sendall(head(f"/test.Slow/{method}"))
        for number in range(1, 2 if unary else 6):
            one.sendall(pieces(MESSAGE, end=unary))
            wait_until(lambda n=number: here.service.begun == n)  # type: ignore[misc]
            wait_until(lambda: growth() < LITTLE and not here.server.total.held)
        assert not any(ref() is None for ref in here.refs)


COUNT = 30


def test_the_memory_of_a_server_process(server: Address) -> None:
    """After 270 MB of posts without keep-alive and broken uploads, at most a third is kept."""
    path = "/tensorflow.serving.PredictionService/Predict"
    body = b"x" * SIZE

    def rest(part: int) -> None:
        with connected(server.rest_port) as one:
            one.sendall(post(SIZE, "Connection: close", model="half") + body[:part])
            if part == SIZE:
                assert one.recv(65536).startswith(b"HTTP/1.1 400 ")

    def grpc_upload() -> None:
        with connected(server.grpc_port) as one:
            one.sendall(head(path) + pieces(MESSAGE[:-1000]))
            assert one.recv(65536)

    for _ in range(3):  # what every request needs is there
        rest(SIZE)
        grpc_upload()
    before = memory(server)
    for _ in range(COUNT):
        rest(SIZE)
        rest(SIZE - 1000)
        grpc_upload()
    rest(SIZE)
    # glibc returns some of it late; each of the three kinds has sent this much.
    wait_until(lambda: memory(server) - before < COUNT * SIZE)
    (converter,) = children(pid(server))
    assert resident(converter) < CONVERTER_BYTES
