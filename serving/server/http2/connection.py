"""The server side of one HTTP/2 connection (RFC 9113): turns bytes into streams, without a socket.

It implements only what an RPC server needs: it pushes nothing, and checks but ignores priorities.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from serving.server.http2 import flow, frames
from serving.server.http2.flow import CONNECTION_WINDOW, MAX_STREAMS, STREAM_WINDOW, Budget, Sender
from serving.server.http2.frames import ConnectionFault, Error, Flag, StreamFault, Type
from serving.server.http2.headers import HeaderDecoder
from serving.server.http2.reader import FrameReader
from serving.server.http2.streams import NOBODY, Listener, Stream

# The number of early-ended streams to remember, as the client may not know of their end yet.
MAX_ENDED_EARLY = 1000
_DRAIN_PING = b"fo-drain"


class Connection:
    """Frames in, streams to a listener, frames out.

    Args:
        listener: is notified of streams until the connection is lost.
        clock: gives the time in seconds.

    Attributes:
        settled: whether the client has sent its SETTINGS.
        streams: the open streams, by number.
        sender: sends responses on the streams.
    """

    def __init__(self, listener: Listener, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._decoder = HeaderDecoder()
        self._budget = Budget(clock=clock)
        self._reader = FrameReader(flow.FRAME_BYTES, self._budget)
        self.settled = self._closed = self._draining = False
        self._last = 0
        self._window = CONNECTION_WINDOW
        self._ended_early: OrderedDict[int, None] = OrderedDict()
        self._write = listener.write
        self.streams: dict[int, Stream] = {}
        self.sender = Sender(self._write, self._sent, self._budget)
        self._handlers: tuple[Callable[[int, int, bytes], None], ...] = (
            self._data, self._head, self._priority, self._reset, self._settings, self._push,
            self._ping, self._goaway, self._window_update,
        )  # fmt: skip

    def open(self) -> None:
        """Sends the first bytes of a server: its settings and the connection's window."""
        self._write(flow.GREETING)

    def receive(self, data: bytes) -> None:
        """Receives bytes from the client. Answers faults, and never raises."""
        whole = self._reader.request(data)
        if whole and self._request(*whole):
            return
        try:
            for kind, flags, number, payload in self._reader.read(data):
                self._frame(kind, flags, number, payload)
                if self._closed:
                    return
        except ConnectionFault as fault:
            self.fail(fault.code, fault.message)

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if not self.settled and (kind != Type.SETTINGS or flags & Flag.ACK):
            raise ConnectionFault(Error.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if kind >= len(self._handlers):
            self._budget.spend()
            return
        try:
            self._handlers[kind](number, flags, payload)
        except StreamFault as fault:
            self._budget.spend()
            self.reset(fault.stream, fault.code)

    # --- streams ---

    def _request(self, number: int, block: bytes, body: bytes) -> bool:
        """Accepts a request that arrived in one piece, if none of it needs further checks.

        The result is the same as from ``_head`` and ``_data``, in a third of the time.
        """
        head, size = self._decoder.known(block), len(body)
        if (
            head is None
            or head.fault
            or not head.method
            or head.length not in (-1, size)
            or not self.settled
            or self._draining
            or self._closed
            or not self._last < number <= frames.MAX_WINDOW
            or not number % 2
            or len(self.streams) >= MAX_STREAMS
            or self._window - size < CONNECTION_WINDOW // 2
        ):
            return False
        self._last = number
        self._window -= size
        window, now = self.sender.initial_window, self._clock()
        stream = Stream(number, head, window, STREAM_WINDOW - size, now)
        stream.received = size
        stream.remote_closed = True
        self.streams[number] = stream
        self._listener.begun(stream)
        self._listener.received(stream, body, end=True)
        return True

    def _data(self, number: int, flags: int, payload: bytes) -> None:
        size = len(payload)
        end = bool(flags & Flag.END_STREAM)
        if not number:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "DATA on stream 0")
        self._window -= size
        if self._window < 0:
            raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "more DATA than the window allows")
        if self._window < CONNECTION_WINDOW // 2:
            self._write(frames.window_update(0, CONNECTION_WINDOW - self._window))
            self._window = CONNECTION_WINDOW
        if flags & Flag.PADDED:
            payload = frames.unpadded(payload, flags)
        if not payload and not end:
            self._budget.spend()
        stream = self.streams.get(number)
        if stream is None or stream.remote_closed:
            self._on_closed(number)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise StreamFault(number, Error.FLOW_CONTROL_ERROR, "more DATA than the window allows")
        stream.received += len(payload)
        self._budget.earn(len(payload) / flow.BYTES_PER_FRAME)
        if end:
            self._check_length(stream)
            stream.remote_closed = True
        elif stream.receive_window < STREAM_WINDOW // 2:
            self._write(frames.window_update(number, STREAM_WINDOW - stream.receive_window))
            stream.receive_window = STREAM_WINDOW
        self._listener.received(stream, payload, end=end)

    def _head(self, number: int, flags: int, payload: bytes) -> None:
        if not number % 2:
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"HEADERS on stream {number}")
        block = frames.unpadded(payload, flags)
        dependency = -1
        if flags & Flag.PRIORITY:
            if len(block) < 5:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, "HEADERS too short")
            dependency, block = frames.word(block), block[5:]
        self._block(number, flags, block)
        if dependency == number:
            raise StreamFault(number, Error.PROTOCOL_ERROR, "a stream depends on itself")

    def _block(self, number: int, flags: int, block: bytes) -> None:
        head = self._decoder.decode(block)  # also for a refused stream, as it changes the table
        end = bool(flags & Flag.END_STREAM)
        stream = self.streams.get(number)
        if stream is not None and not stream.remote_closed:
            if head.fault or head.method or not end:
                raise StreamFault(number, Error.PROTOCOL_ERROR, head.fault or "not trailers")
            self._check_length(stream)
            stream.remote_closed = True
            self._listener.received(stream, b"", end=True)
            return
        if number <= self._last:
            self._on_closed(number)
            return
        if self._draining:
            return  # the GOAWAY names a lower stream, so the client sends the request elsewhere
        self._last = number
        if head.fault or not head.method:
            raise StreamFault(number, Error.PROTOCOL_ERROR, head.fault or "not a request")
        if len(self.streams) >= MAX_STREAMS:
            raise StreamFault(number, Error.REFUSED_STREAM, "too many streams")
        stream = Stream(number, head, self.sender.initial_window, STREAM_WINDOW, self._clock())
        self.streams[number] = stream
        if end:
            self._check_length(stream)
            stream.remote_closed = True
        self._listener.begun(stream)
        if end and not stream.local_closed:
            self._listener.received(stream, b"", end=True)

    def _check_length(self, stream: Stream) -> None:
        if stream.head.length not in (-1, stream.received):
            raise StreamFault(stream.number, Error.PROTOCOL_ERROR, "content-length is wrong")

    def _on_closed(self, number: int) -> None:
        """Handles a frame on a closed stream: it is either late or an error."""
        if number > self._last:
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"stream {number} is not open")
        if number in self.streams:
            raise StreamFault(number, Error.STREAM_CLOSED, "a frame after the end of the stream")
        if number not in self._ended_early:
            raise ConnectionFault(Error.STREAM_CLOSED, f"stream {number} is closed")

    def _reset(self, number: int, _: int, payload: bytes) -> None:
        frames.check_size("RST_STREAM", payload, 4)
        if not number or number > self._last:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        stream = self.streams.pop(number, None)
        if stream is None:
            self._budget.spend()
            return
        self._cut(stream)
        self._budget.spend(flow.reset_cost(stream, self._clock()))

    def _priority(self, number: int, _: int, payload: bytes) -> None:
        self._budget.spend()
        if not number:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(payload) != 5:
            raise StreamFault(number, Error.FRAME_SIZE_ERROR, "PRIORITY of the wrong size")
        if frames.word(payload) == number:
            raise StreamFault(number, Error.PROTOCOL_ERROR, "a stream depends on itself")

    def _push(self, *_: object) -> None:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    # --- the connection ---

    def _settings(self, number: int, flags: int, payload: bytes) -> None:
        frames.check_unaddressed("SETTINGS", number)
        if len(payload) % 6 or (flags & Flag.ACK and payload):
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "SETTINGS of the wrong size")
        if flags & Flag.ACK:
            return
        self._budget.spend()
        self.settled = True
        for setting, value in frames.SETTING.iter_unpack(payload):
            self.sender.configure(setting, value, self.streams.values())
        self._write(frames.settings_ack())
        self.sender.pump()

    def _ping(self, number: int, flags: int, payload: bytes) -> None:
        frames.check_unaddressed("PING", number)
        frames.check_size("PING", payload, 8)
        if not flags & Flag.ACK:
            self._budget.spend()
            self._write(frames.ping(payload, ack=True))
        elif payload == _DRAIN_PING:
            self.finish_draining()

    def _goaway(self, number: int, _: int, payload: bytes) -> None:
        frames.check_unaddressed("GOAWAY", number)
        if len(payload) < 8:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "GOAWAY of the wrong size")

    def _window_update(self, number: int, _: int, payload: bytes) -> None:
        frames.check_size("WINDOW_UPDATE", payload, 4)
        if number > self._last:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        increment = frames.word(payload)
        stream = self.streams.get(number)
        if not increment:
            if number:
                raise StreamFault(number, Error.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
            raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
        if not number or stream is not None:
            self.sender.widen(stream, increment)

    # --- ends ---

    def _sent(self, stream: Stream) -> None:
        """Notes that a response is complete. The rest of an incomplete request is not needed."""
        stream.local_closed = True
        self._budget.earn(flow.RESPONSE_EARNS)
        if stream.remote_closed:
            self._forget(stream)
        else:
            self.reset(stream.number, Error.NO_ERROR)

    def _forget(self, stream: Stream) -> None:
        self.streams.pop(stream.number, None)
        stream.call = None  # it refers to the stream: a cycle would wait for the garbage collector
        if self._draining and not self.streams:
            self._end()

    def reset(self, number: int, code: Error) -> None:
        """Ends a stream at once."""
        self._write(frames.reset(number, code))
        self._last = max(self._last, number if number % 2 else 0)
        stream = self.streams.pop(number, None)
        self._ended_early[number] = None
        if len(self._ended_early) > MAX_ENDED_EARLY:
            self._ended_early.popitem(last=False)
        if stream is not None:
            self._cut(stream)

    def _cut(self, stream: Stream) -> None:
        self.sender.drop(stream)
        if not stream.local_closed:
            self._listener.cancelled(stream)
        stream.call = None
        if self._draining and not self.streams:
            self._end()

    def fail(self, code: Error, message: str) -> None:
        """Ends the connection because of a fault, which the GOAWAY names."""
        if not self._closed:
            self._write(frames.goaway(self._last, code, message))
            self._end()

    def drain(self) -> None:
        """Accepts only streams already on their way; closes when all are answered.

        The first GOAWAY names no last stream; the second one names it, after a round trip.
        """
        self._write(frames.goaway(frames.MAX_WINDOW, Error.NO_ERROR) + frames.ping(_DRAIN_PING))

    def finish_draining(self) -> None:
        """Accepts no more streams, even if the client does not answer."""
        if self._draining or self._closed:
            return
        self._draining = True
        self._write(frames.goaway(self._last, Error.NO_ERROR))
        if not self.streams:
            self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._listener.close()

    def lost(self) -> None:
        """Ends all streams, as the client is gone, and breaks all reference cycles."""
        self._closed = True
        streams = list(self.streams.values())
        self.streams.clear()
        self.sender.end_all()  # first, so that what waits for the client to read is not begun
        for stream in streams:
            stream.queue.clear()
            if not stream.local_closed:
                self._listener.cancelled(stream)
            stream.call = None
        self._listener = NOBODY
        self._write = NOBODY.write
        self._handlers = ()
