"""Connections that send one prepared request after another, and check each answer's status.

Real clients use more CPU than the servers that are measured here; these clients use less. They run
on uvloop, send bytes that were prepared once, and read only the end and the status of an answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import hpack

from serving.server.http2 import frames
from serving.server.http2.frames import Flag, Setting, Type

# Takes the time of an answer in seconds, and its problem: empty if there is none.
Answered = Callable[[float, str], None]


class LoadClient(asyncio.Protocol):
    """One connection; it sends the next request as soon as the answer has arrived."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._greet()
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(f"the server closed the connection: {error}"))

    def _greet(self) -> None:
        """Sends the start of a connection, if the protocol has one."""

    def _request(self) -> bytes:
        """Returns the next request."""
        raise NotImplementedError

    def send(self) -> None:
        """Sends one request."""
        if self._transport:
            self._sent_at = time.perf_counter()
            self._transport.write(self._request())

    def close(self) -> None:
        """Ends the connection."""
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport:
            self._transport.close()

    def _done(self, problem: str) -> None:
        self._answered(time.perf_counter() - self._sent_at, problem)
        self.send()


class HttpClient(LoadClient):
    """HTTP/1.1 with keep-alive."""

    def __init__(self, answered: Answered, request: bytes) -> None:
        super().__init__(answered)
        self._bytes = request
        self._buffer = b""

    def _request(self) -> bytes:
        return self._bytes

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            return
        head = data[:end].lower()
        place = head.find(b"content-length:")
        if place < 0:
            self.ended.set_exception(ConnectionError(f"no Content-Length in {head!r}"))
            return
        length = int(head[place + 15 :].split(b"\r\n", 1)[0])
        if len(data) < end + 4 + length:
            self._buffer = data
            return
        self._buffer = b""
        good = head.startswith(b"http/1.1 200 ")
        self._done("" if good else data[: end + 4 + length].decode("utf-8", "replace"))


class GrpcClient(LoadClient):
    """gRPC over HTTP/2 without TLS, one call at a time."""

    def __init__(self, answered: Answered, authority: str, path: str, message: bytes) -> None:
        super().__init__(answered)
        self._headers = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
            ("content-type", "application/grpc"), ("te", "trailers"),
            ("user-agent", "fanout-bench"), ("grpc-timeout", "30S"),
        ]  # fmt: skip
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._body = b"\0" + len(message).to_bytes(4, "big") + message
        self._stream = -1
        self._block = b""
        self._buffer = b""
        self._known: dict[bytes, str] = {}

    def _greet(self) -> None:
        assert self._transport
        settings = {Setting.INITIAL_WINDOW_SIZE: frames.MAX_WINDOW, Setting.ENABLE_PUSH: 0}
        wider = frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW)
        self._transport.write(frames.PREFACE + frames.settings(settings) + wider)

    def _request(self) -> bytes:
        self._stream += 2
        if self._stream < 5:  # from the second on, all fields are in the dynamic table
            self._block = self._encoder.encode(self._headers)
        size = frames.DEFAULT_FRAME_BYTES
        parts = [frames.headers(self._stream, self._block, end=False)]
        for start in range(0, len(self._body), size):
            part = self._body[start : start + size]
            flags = Flag.END_STREAM if start + size >= len(self._body) else 0
            parts += [frames.head(len(part), Type.DATA, flags, self._stream), part]
        return b"".join(parts)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        position = 0
        while len(data) - position >= frames.HEAD_BYTES:
            upper, lower, kind, flags, number = frames.HEAD.unpack_from(data, position)
            start = position + frames.HEAD_BYTES
            end = start + (upper << 16 | lower)
            if end > len(data):
                break
            self._frame(kind, flags, number, data[start:end])
            position = end
        self._buffer = data[position:]

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        assert self._transport
        if kind == Type.HEADERS:
            status = self._status(payload)
            if flags & Flag.END_STREAM and number == self._stream:
                self._done("" if status == "0" else f"grpc-status {status}")
        elif kind == Type.SETTINGS and not flags & Flag.ACK:
            self._transport.write(frames.settings_ack())
        elif kind == Type.PING and not flags & Flag.ACK:
            self._transport.write(frames.ping(payload, ack=True))
        elif kind == Type.RST_STREAM:
            self._done("the server reset the stream")
        elif kind == Type.GOAWAY:
            self.ended.set_exception(ConnectionError(f"GOAWAY: {payload!r}"))

    def _status(self, block: bytes) -> str:
        status = self._known.get(block)
        if status is None:
            fields = dict(self._decoder.decode(block))
            status = fields.get("grpc-status", "") + fields.get("grpc-message", "")
            if not self._decoder.header_table.dynamic_entries and len(self._known) < 100:
                self._known[block] = status  # the same bytes will always mean the same
        return status
