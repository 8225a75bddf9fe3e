"""An HTTP/2 stream, and the interface through which the layer above is notified of streams."""

from collections.abc import Callable
from typing import Any, Protocol

from serving.server.http2.headers import Head


class Stream:
    """One request and its response.

    Attributes:
        call: the object that the layer above attaches.
        receive_window: the number of bytes that the client may still send.
        received: the number of body bytes so far.
        opened: when the head arrived, in seconds on the connection's clock.
        since, taken: when the queue was last empty, and the bytes sent from it since then.
        remote_closed, local_closed: whether the client or the server has ended its half.
    """

    __slots__ = (
        "call", "flushed", "head", "local_closed", "number", "opened", "queue", "receive_window",
        "received", "remote_closed", "since", "taken", "trailers", "window",
    )  # fmt: skip

    def __init__(
        self, number: int, head: Head, window: int, receive_window: int, opened: float
    ) -> None:
        self.opened = opened
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
        self.taken = 0


class Listener(Protocol):
    """Is notified of events on streams. Each method may answer through the connection."""

    def begun(self, stream: Stream) -> None:
        """Called when the head of a request has arrived."""

    def received(self, stream: Stream, data: bytes, *, end: bool) -> None:
        """Called when a part of the body has arrived; it may be empty."""

    def cancelled(self, stream: Stream) -> None:
        """Called when the client or the connection has ended the stream."""

    def write(self, data: bytes) -> None:
        """Sends bytes."""

    def close(self) -> None:
        """Ends the connection after everything written was sent."""


class _Nobody:
    """The listener of a connection that was lost."""

    def begun(self, stream: Stream) -> None:
        pass

    def received(self, stream: Stream, data: bytes, *, end: bool) -> None:
        pass

    def cancelled(self, stream: Stream) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


NOBODY: Listener = _Nobody()
