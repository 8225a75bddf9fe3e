"""Limits of an HTTP/2 connection: flow control of sent data, and a budget against floods."""

import time
from collections.abc import Callable, Iterable

from serving.server.http2 import frames
from serving.server.http2.frames import ConnectionFault, Error, Flag, Setting, StreamFault, Type
from serving.server.http2.streams import Stream

# The largest frame, in both directions.
FRAME_BYTES = 256 << 10
_LAST = Flag.END_HEADERS | Flag.END_STREAM


class Sender:
    """Sends responses as fast as the client's windows allow; waiting streams take turns."""

    def __init__(self, write: Callable[[bytes], None], closed: Callable[[Stream], None]) -> None:
        self._write = write
        self._closed = closed
        self._blocked: dict[int, Stream] = {}
        self.window = frames.DEFAULT_WINDOW
        self.initial_window = frames.DEFAULT_WINDOW
        self.frame_bytes = frames.DEFAULT_FRAME_BYTES
        self.paused = False

    def respond(self, stream: Stream, block: bytes, body: bytes, trailers: bytes) -> None:
        """Sends a whole response: header block, body, trailer block."""
        number, size = stream.number, len(body)
        if size <= min(stream.window, self.window, self.frame_bytes) and not self.paused:
            self.window -= size
            pack = frames.HEAD.pack
            self._write(
                b"".join(
                    (
                        pack(0, len(block), Type.HEADERS, Flag.END_HEADERS, number), block,
                        pack(size >> 16, size & 0xFFFF, Type.DATA, 0, number), body,
                        pack(0, len(trailers), Type.HEADERS, _LAST, number), trailers,
                    )
                )
            )  # fmt: skip
            self._closed(stream)
        else:
            self.begin(stream, block)
            self.data(stream, body)
            self.end(stream, trailers)

    def begin(self, stream: Stream, block: bytes) -> None:
        """Sends the header block of a response."""
        self._write(frames.headers(stream.number, block, end=False))

    def data(self, stream: Stream, body: bytes) -> None:
        """Sends a part of a body, now or when the client's windows allow."""
        stream.queue.append(memoryview(body))
        stream.since = time.monotonic()
        self._blocked[stream.number] = stream
        self.pump()

    def end(self, stream: Stream, trailers: bytes) -> None:
        """Ends the response after the data that waits."""
        if stream.queue:
            stream.trailers = trailers
            return
        self._write(frames.headers(stream.number, trailers, end=True))
        self._closed(stream)

    def drop(self, stream: Stream) -> None:
        """Discards the waiting data of a stream."""
        self._blocked.pop(stream.number, None)
        stream.queue.clear()

    def stalled(self, before: float) -> list[Stream]:
        """Returns the streams that could send nothing since a time of time.monotonic()."""
        return [stream for stream in self._blocked.values() if stream.since < before]

    def widen(self, stream: Stream | None, increment: int) -> None:
        """Applies a WINDOW_UPDATE; it is for the connection if stream is None. Raises a fault."""
        if stream is None:
            self.window += increment
            if self.window > frames.MAX_WINDOW:
                raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "window above 2^31-1")
        else:
            stream.window += increment
            if stream.window > frames.MAX_WINDOW:
                raise StreamFault(stream.number, Error.FLOW_CONTROL_ERROR, "window above 2^31-1")
        if self._blocked:
            self.pump()

    def configure(self, setting: int, value: int, streams: Iterable[Stream]) -> None:
        """Applies a setting from the client, also to the open streams.

        Raises ConnectionFault for a value that is not allowed.
        """
        if setting == Setting.INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "window above 2^31-1")
            change = value - self.initial_window
            self.initial_window = value
            for stream in streams:
                stream.window += change
                if stream.window > frames.MAX_WINDOW:
                    raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "window above 2^31-1")
        elif setting == Setting.MAX_FRAME_SIZE:
            if not frames.DEFAULT_FRAME_BYTES <= value <= frames.MAX_FRAME_BYTES:
                raise ConnectionFault(Error.PROTOCOL_ERROR, f"frame size of {value}")
            self.frame_bytes = min(value, FRAME_BYTES)
        elif setting == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")

    def pump(self) -> None:
        """Sends what the windows allow, one frame per stream in turn."""
        moved = True
        while moved and self._blocked:
            moved = False
            for stream in list(self._blocked.values()):
                moved = self._send_frame(stream) or moved

    def _send_frame(self, stream: Stream) -> bool:
        if self.paused or not stream.queue:
            return False
        part = stream.queue[0]
        size = min(len(part), stream.window, self.window, self.frame_bytes)
        if size <= 0 and len(part):
            return False
        stream.window -= size
        self.window -= size
        stream.since = time.monotonic()
        self._write(frames.head(size, Type.DATA, 0, stream.number) + bytes(part[:size]))
        if size < len(part):
            stream.queue[0] = part[size:]
            return True
        del stream.queue[0]
        if not stream.queue:
            del self._blocked[stream.number]
            if stream.trailers is not None:
                self.end(stream, stream.trailers)
            elif stream.flushed:
                stream.flushed()
        return True


class Budget:
    """The number of frames without data that a client may send; it refills over time.

    Pings, settings, resets and empty frames cost the server more than the client.
    """

    def __init__(self, burst: int = 1000, per_second: float = 100.0) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = float(burst)
        self._at = time.monotonic()

    def spend(self) -> None:
        """Counts one frame. Raises ConnectionFault when the budget is exhausted."""
        if self._left < 1:
            now = time.monotonic()
            self._left = min(self._burst, (now - self._at) * self._per_second)
            self._at = now
            if self._left < 1:
                raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "too many control frames")
        self._left -= 1
