"""A stream of HTTP/2, and what the layer above is told of streams."""

from collections.abc import Callable
from typing import Any, Protocol

from serving.server.http2.headers import Head


class Stream:
    """One request and its response.

    Attributes:
        call: what the layer above makes of it.
        receive_window: bytes that the client may still send.
        received: bytes of body so far.
        remote_closed, local_closed: which side has ended its half.
    """

    __slots__ = (
        "call", "flushed", "head", "local_closed", "number", "queue", "receive_window", "received",
        "remote_closed", "since", "trailers", "window",
    )  # fmt: skip

    def __init__(self, number: int, head: Head, window: int, receive_window: int) -> None:
        self.number = number
        self.head = head
        self.call: Any = None
        self.window = window
        self.receive_window = receive_window
        self.received = 0
        self.remote_closed = False
        self.local_closed = False
        self.queue: list[memoryview] = []
        self.trailers: bytes | None = None
        self.flushed: Callable[[], None] | None = None
        self.since = 0.0


class Listener(Protocol):
    """What is told of streams. Each method may answer through the connection."""

    def begun(self, stream: Stream) -> None:
        """The head of a request is there."""

    def received(self, stream: Stream, data: bytes, *, end: bool) -> None:
        """A part of its body is there; it may be empty."""

    def cancelled(self, stream: Stream) -> None:
        """The client or the connection has ended it."""

    def write(self, data: bytes) -> None:
        """Sends bytes."""

    def close(self) -> None:
        """Ends the connection after what was written."""
