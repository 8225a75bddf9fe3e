"""A client that does not read its answers: nothing more is begun for it, and little is kept."""

import socket
from collections.abc import Iterator

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from serving.server.dataplane.shared import HeldBytes
from serving.server.grpc import messages
from serving.server.grpc.transport import GrpcLimits
from serving.server.http2 import flow, frames, headers
from tests.serving.server.grpc.running import SECONDS, Running
from tests.serving.server.loops import wait_until

SIZE = 3 << 20
MESSAGE = messages.frame(BytesValue(value=bytes(SIZE)).SerializeToString())
BLOCK = headers.encode(
    (
        (":method", "POST"), (":scheme", "http"), (":path", "/test.Echo/Start"),
        ("te", "trailers"), ("content-type", "application/grpc"),
    )
)  # fmt: skip


class Client:
    """A connection that reads frames only when it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.socket.sendall(frames.PREFACE + frames.settings({}))

    def ask(self, number: int) -> None:
        """Sends a call whose answer does not fit into the window."""
        self.socket.sendall(frames.headers(number, BLOCK, end=False))
        for start in range(0, len(MESSAGE), frames.DEFAULT_FRAME_BYTES):
            part = MESSAGE[start : start + frames.DEFAULT_FRAME_BYTES]
            ends = start + len(part) == len(MESSAGE)
            flags = frames.Flag.END_STREAM if ends else 0
            self.socket.sendall(frames.head(len(part), frames.Type.DATA, flags, number) + part)

    def read_on(self, *numbers: int) -> None:
        """Lets the server send all answers."""
        much = frames.MAX_WINDOW - frames.DEFAULT_WINDOW
        widened = [frames.window_update(number, much) for number in (0, *numbers)]
        self.socket.sendall(b"".join(widened))

    def ended(self, count: int) -> dict[int, bytes]:
        """Returns the last header block of so many streams, after reading all that comes before."""
        data, found = b"", dict[int, bytes]()
        while len(found) < count:
            data += self.socket.recv(1 << 20)
            while len(data) >= frames.HEAD_BYTES:
                upper, lower, kind, flags, number = frames.HEAD.unpack_from(data)
                end = frames.HEAD_BYTES + (upper << 16 | lower)
                if len(data) < end:
                    break
                if kind == frames.Type.HEADERS and flags & frames.Flag.END_STREAM:
                    found[number] = data[frames.HEAD_BYTES : end]
                data = data[end:]
        return found

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def running() -> Iterator[Running]:
    one = Running(GrpcLimits(timeout_seconds=SECONDS), total=HeldBytes(64 << 20))
    yield one
    one.close()


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    one = Client(running.port)
    yield one
    one.close()


def fill(running: Running, client: Client) -> None:
    """Has two calls answered, whose answers are more than may wait for a client."""
    assert SIZE < flow.MAX_UNSENT_BYTES < 2 * SIZE
    for count, number in enumerate((1, 3), 1):
        client.ask(number)
        wait_until(lambda: running.server.total.unread > count * SIZE - (1 << 20))  # noqa: B023


def test_calls_are_begun_when_the_answers_before_are_read(running: Running, client: Client) -> None:
    fill(running, client)
    client.ask(5)
    client.ask(7)
    wait_until(lambda: running.server.total.held > 4 * SIZE - (1 << 20))
    assert running.echo.begun == 2
    client.read_on(1, 3, 5, 7)
    assert client.ended(4) == dict.fromkeys((1, 3, 5, 7), messages.OK_BLOCK)
    assert running.echo.begun == 4
    wait_until(lambda: not running.server.total.held)


def test_what_waits_for_a_client_that_leaves_is_dropped(running: Running, client: Client) -> None:
    fill(running, client)
    client.ask(5)
    wait_until(lambda: running.server.total.held > 3 * SIZE - (1 << 20))
    client.close()
    wait_until(lambda: not running.server.connections)
    assert (running.echo.begun, running.server.total.held) == (2, 0)


def test_answers_beyond_the_total_are_refused() -> None:
    running = Running(GrpcLimits(timeout_seconds=SECONDS), total=HeldBytes(5 << 20, SIZE))
    client = Client(running.port)
    try:
        client.ask(1)
        ((number, block),) = client.ended(1).items()
        assert number == 1
        assert b"grpc-status\x018" in block and b"unread answers" in block
        wait_until(lambda: not running.server.total.held)
    finally:
        client.close()
        running.close()
