"""Limits of an HTTP/2 connection: flow control of sent data, and a budget against floods."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from serving.server.http2 import frames
from serving.server.http2.frames import ConnectionFault, Error, Flag, Setting, StreamFault, Type
from serving.server.http2.headers import MAX_HEADER_BYTES
from serving.server.http2.streams import NOBODY, Stream

# The largest frame, in both directions.
FRAME_BYTES = 256 << 10
MAX_STREAMS = 256
STREAM_WINDOW = 4 << 20
CONNECTION_WINDOW = 16 << 20
# The first bytes of a server: its settings, and a larger window for the connection.
GREETING = frames.settings(
    {
        Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_FRAME_SIZE: FRAME_BYTES,
        Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
    }
) + frames.window_update(0, CONNECTION_WINDOW - frames.DEFAULT_WINDOW)
# What useful work adds to the budget, in control frames. A client may send a ping, a change of its
# settings and a late reset for one response, and a ping for each frame of a long one.
RESPONSE_EARNS = 3.0
DATA_FRAME_EARNS = 1.0
# The bytes of requests that earn one control frame.
BYTES_PER_FRAME = 1 << 14
# A reset is rapid when it follows its request so soon that no ordinary client has waited for an
# answer; it costs as much as any control frame. A busy server reads requests and resets together,
# however long the client waited: the reset of a request that arrived whole costs less.
RAPID_SECONDS = 0.01
WHOLE_RESET_COST = 0.25
RESET_COST = 0.01
# As long as more bytes of responses wait for a client to read them, its new requests wait too.
MAX_UNSENT_BYTES = 4 << 20
_LAST = Flag.END_HEADERS | Flag.END_STREAM


class Sender:
    """Sends responses as fast as the client's windows allow; waiting streams take turns.

    Args:
        write: sends bytes.
        closed: is called when a response is complete.
        budget: earns from each frame with a part of a response.

    Attributes:
        unsent: the number of bytes that wait.
    """

    def __init__(
        self, write: Callable[[bytes], None], closed: Callable[[Stream], None], budget: "Budget"
    ) -> None:
        self._budget = budget
        self._write = write
        self._closed = closed
        self._blocked: dict[int, Stream] = {}
        self._held: deque[Callable[[], None]] = deque()
        self.unsent = 0
        self.window = frames.DEFAULT_WINDOW
        self.initial_window = frames.DEFAULT_WINDOW
        self.frame_bytes = frames.DEFAULT_FRAME_BYTES
        self.paused = False

    def respond(
        self,
        stream: Stream,
        block: bytes,
        body: bytes,
        trailers: bytes,
        rest: bytes | memoryview = b"",
    ) -> None:
        """Sends a whole response: header block, body and its rest, trailer block."""
        number, size = stream.number, len(body)
        if (
            not rest
            and size <= min(stream.window, self.window, self.frame_bytes)
            and not self.paused
        ):
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
            self._wait(stream, body)  # first, so that it counts from now on
            if rest:
                self._wait(stream, rest)
            stream.trailers = trailers
            self.begin(stream, block)
            self.pump()

    def begin(self, stream: Stream, block: bytes) -> None:
        """Sends the header block of a response."""
        self._write(frames.headers(stream.number, block, end=False))

    def data(self, stream: Stream, body: bytes) -> None:
        """Sends a part of a body, now or when the client's windows allow."""
        self._wait(stream, body)
        self.pump()

    def _wait(self, stream: Stream, body: bytes | memoryview) -> None:
        if not stream.queue:
            stream.since, stream.taken = time.monotonic(), 0
        stream.queue.append(memoryview(body))
        self.unsent += len(body)
        self._blocked[stream.number] = stream

    def when_read(self, go: Callable[[], None]) -> None:
        """Calls a function as soon as the client has read enough; usually at once."""
        if self.unsent > MAX_UNSENT_BYTES or self._held:
            self._held.append(go)
        else:
            go()

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
        self.unsent -= sum(map(len, stream.queue))
        stream.queue.clear()
        self._begin_held()

    def end_all(self) -> None:
        """Refers to nothing of the connection any more, because it was lost; sends no more."""
        self._blocked.clear()
        self._held.clear()
        self.unsent = 0
        self._write = NOBODY.write
        self._closed = NOBODY.cancelled

    def waiting(self, now: float) -> Iterator[tuple[int, float]]:
        """Yields what clients have taken of responses that wait: bytes, and since when in seconds.

        Args:
            now: of time.monotonic().
        """
        for stream in self._blocked.values():
            yield stream.taken, now - stream.since

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
        self._begin_held()

    def _begin_held(self) -> None:
        while self._held and self.unsent <= MAX_UNSENT_BYTES:
            self._held.popleft()()

    def _send_frame(self, stream: Stream) -> bool:
        if self.paused or not stream.queue:
            return False
        part = stream.queue[0]
        size = min(len(part), stream.window, self.window, self.frame_bytes)
        if size <= 0 and len(part):
            return False
        stream.window -= size
        self.window -= size
        self.unsent -= size
        stream.taken += size
        self._write(frames.head(size, Type.DATA, 0, stream.number) + bytes(part[:size]))
        self._budget.earn(DATA_FRAME_EARNS)
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
    """The number of frames without data that a client may send; time and useful work add to it.

    Pings, settings, resets and empty frames cost the server more than the client. An ordinary
    client sends them too, but in proportion to its calls: a ping for each answer, to measure the
    connection, and a reset for each deadline that passes.

    Args:
        burst: the most that can be left.
        per_second: what each second adds.
        clock: gives the time in seconds.
    """

    def __init__(
        self,
        burst: int = 1000,
        per_second: float = 100.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    def spend(self, cost: float = 1.0) -> None:
        """Counts one frame. Raises ConnectionFault when the budget is exhausted."""
        now = self._clock()
        left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        self._left = left - cost
        if self._left < 0:
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "too many control frames")

    def earn(self, amount: float) -> None:
        """Adds to the budget for useful work: data that arrived, or a response that was sent."""
        if self._left < self._burst:
            self._left += amount


def reset_cost(stream: Stream, now: float) -> float:
    """Returns what a reset by the client costs, in control frames.

    Args:
        stream: which was open.
        now: on the connection's clock.
    """
    if now - stream.opened >= RAPID_SECONDS:
        return RESET_COST
    return WHOLE_RESET_COST if stream.remote_closed and stream.received else 1.0
