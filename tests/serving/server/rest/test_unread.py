"""A client that does not read its answers, over REST: nothing more is begun for it."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from serving.server.dataplane.scheduler import Scheduler
from serving.server.dataplane.shared import HeldBytes
from serving.server.dataplane.versions import Models
from serving.server.offload.converter import Converter
from serving.server.rest.api import Rest
from serving.server.rest.responses import Response
from serving.server.rest.transport import HttpProtocol
from tests.serving.server.loops import SECONDS, listening, wait_until

# More than the system's buffers take from a connection that nobody reads.
SIZE = 24 << 20
GET = b"GET /v1/models/m HTTP/1.1\r\nHost: t\r\n\r\n"


class Large(Rest):
    """Answers everything at once with many bytes."""

    begun = 0

    def begin(self, *_: Any) -> Response:
        self.begun += 1
        return Response(200, bytes(SIZE))


class Here:
    """The REST transport in this process."""

    def __init__(self, total: int) -> None:
        self.connections: set[HttpProtocol] = set()
        self.rest = Large(Models(), total=HeldBytes(total))

    def __call__(self, loop: asyncio.AbstractEventLoop) -> HttpProtocol:
        self.loop = loop
        return HttpProtocol(self.rest, Scheduler(loop), Converter(loop), self.connections)

    def expire(self, seconds: float) -> None:
        """Does what the server does after so many seconds."""
        (connection,) = self.connections
        self.loop.call_soon_threadsafe(connection.expire, time.monotonic() + seconds)


@contextmanager
def asked(here: Here, times: int) -> Iterator[socket.socket]:
    """Yields a connection with a small window on which so many requests were sent."""
    with listening(here) as port, socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(SECONDS)
        one.connect(("127.0.0.1", port))
        one.sendall(GET * times)
        yield one


def test_requests_are_begun_when_the_answers_before_are_read() -> None:
    here = Here(1 << 30)
    with asked(here, 3) as one:
        wait_until(lambda: here.rest.total.unread > SIZE // 2)
        assert here.rest.begun == 1
        left = 3 * SIZE
        while left > 2 * SIZE:
            left -= len(one.recv(1 << 20))
        while left > 0:
            left -= len(one.recv(1 << 20))
        assert here.rest.begun == 3
    wait_until(lambda: not here.rest.total.held)


def test_answers_beyond_the_total_are_refused() -> None:
    here = Here(SIZE)
    with asked(here, 1) as one:
        answer = b""
        while part := one.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"all unread answers together may have" in answer
    assert here.rest.total.held == 0


@pytest.mark.parametrize("seconds", [29.0, 31.0])
def test_who_reads_too_slowly_is_cut_off(seconds: float) -> None:
    here = Here(1 << 30)
    with asked(here, 1) as one:
        wait_until(lambda: here.rest.total.unread > SIZE // 2)
        assert one.recv(100)
        here.expire(seconds)
        if seconds > here.rest.limits.timeout_seconds:
            wait_until(lambda: not here.connections)
            assert here.rest.total.held == 0
        else:
            left = SIZE - 100
            while left > 0:
                left -= len(one.recv(1 << 20))
