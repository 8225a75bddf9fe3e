"""What a connection of HTTP/2 tells its listener and sends, for tests; and bytes of clients."""

import time
from collections.abc import Callable

from serving.server.http2 import frames, headers
from serving.server.http2.connection import Connection
from serving.server.http2.frames import Type
from serving.server.http2.streams import Stream

REQUEST = headers.encode(((":method", "POST"), (":scheme", "http"), (":path", "/a/B")))
HELLO = frames.PREFACE + frames.settings({})
OPEN = frames.headers(1, REQUEST, end=False)


class Recorder:
    """A listener that keeps what it is told, and the frames that the connection sends.

    Args:
        clock: gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.sent = b""
        self.closed = False
        self.bodies: dict[int, bytes] = {}
        self.ended: list[Stream] = []
        self.gone: list[int] = []
        self.connection = Connection(self, clock=clock)

    def begun(self, stream: Stream) -> None:
        self.bodies[stream.number] = b""

    def received(self, stream: Stream, data: bytes, *, end: bool) -> None:
        self.bodies[stream.number] += data
        if end:
            self.ended.append(stream)

    def cancelled(self, stream: Stream) -> None:
        self.gone.append(stream.number)

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """Returns kind, flags, stream and payload of what was sent since the last time."""
        found, position = [], 0
        while position < len(self.sent):
            upper, lower, kind, flags, number = frames.HEAD.unpack_from(self.sent, position)
            start = position + frames.HEAD_BYTES
            position = start + (upper << 16 | lower)
            found.append((kind, flags, number, self.sent[start:position]))
        self.sent = b""
        return found


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return frames.head(len(payload), kind, flags, stream) + payload


def after(*parts: bytes) -> Recorder:
    recorder = Recorder()
    recorder.connection.receive(b"".join((HELLO, *parts)))
    return recorder


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return frame(Type.DATA, flags, stream, payload)
