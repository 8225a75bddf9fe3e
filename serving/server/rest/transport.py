"""HTTP/1.1 over asyncio: parses requests for the REST API, and writes its responses."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httptools

from serving.server.dataplane.scheduler import Call, Scheduler
from serving.server.dataplane.shared import MUCH_AT_ONCE, Unread, address_of, reads_too_slowly
from serving.server.dataplane.statuses import ServingError
from serving.server.offload.converter import Converter, Job
from serving.server.records.access_log import AccessLog
from serving.server.rest import json_response, routes
from serving.server.rest.api import Rest
from serving.server.rest.responses import CORS_HEADERS, CORS_KEY_HEADERS, Response, Step
from serving.server.settings import api_keys

MAX_HEADER_BYTES = 64 << 10
# The number of requests that a connection may send before the first is answered.
MAX_PIPELINED = 16
# How long a client may go on sending after its request was refused.
LINGER_SECONDS = 5.0
# After an answer of this size, a connection's requests are begun one by one, each when the answer
# before has been written.
_LARGE_ANSWER = 256 << 10
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}

_CORS, _CORS_KEY = (
    "".join(f"{name}: {value}\r\n" for name, value in headers)
    for headers in (CORS_HEADERS, CORS_KEY_HEADERS)
)
_KEY_HEADERS = frozenset(name.encode() for name in (api_keys.HEADER, api_keys.AUTHORIZATION))


@dataclass(eq=False, slots=True)
class _Slot:
    """A position in the order of a connection's responses.

    Attributes:
        request: the arguments of Rest.begin(), while the request waits to be begun.
        work: what the request waits for.
        held: the bytes of the request's body, until they are given back.
    """

    keep_alive: bool
    response: Response | None = None
    head_only: bool = False
    old: bool = False
    request: tuple[str, str, list[bytes], str, str] | None = None
    work: Call | Job | None = None
    started: float = 0.0
    method: str = ""
    path: str = ""
    received: int = 0
    held: int = 0


class HttpProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        rest: Rest,
        scheduler: Scheduler,
        converter: Converter,
        connections: set["HttpProtocol"],
    ) -> None:
        self._rest = rest
        self._scheduler = scheduler
        self._converter = converter
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._slots: deque[_Slot] = deque()
        self._closing = False
        self._paused = False
        self._since = time.monotonic()
        self._receiving = self._lingers = False
        self._waiting = 0  # the number of requests that are not begun
        self._has_large_answers = False
        self._unread = Unread(rest.total, self._abort)
        self._unread_at_pause = 0
        self._encrypted = False
        self._remote = self._address = ""
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._encoding = ""
        self._origin = ""
        self._expects = False
        self._credentials: dict[str, str] = {}
        self._header_bytes = 0
        self._drop_body()

    def _drop_body(self) -> None:
        self._rest.total.give_back(self._body_bytes)
        self._body = []
        self._body_bytes = 0

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # TCP gives one of these; uvloop's class is not a subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)
        self._encrypted = transport.get_extra_info("sslcontext") is not None
        peer = transport.get_extra_info("peername")
        self._remote = f"{peer[0]}:{peer[1]}" if peer else ""
        self._address = address_of(peer)
        self._connections.add(self)
        refusal = self._rest.clients.enter(self._address)
        if refusal:
            self._refuse(503, refusal)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        # It refers to this connection: a cycle would wait for the garbage collector.
        self._parser = None
        self._connections.discard(self)
        self._rest.clients.leave(self._address)
        self._receiving = False
        self._closing = True
        self._drop_body()
        self._unread.close()
        self._waiting = 0
        for slot in self._slots:
            self._give_back(slot)
            slot.request = None
            if slot.work:
                slot.work.abandon()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "Upgrade is not supported")
        except httptools.HttpParserError as error:
            # An error raised in a callback below has already been answered.
            if not self._closing:
                self._refuse(400, f"Malformed HTTP: {error}")
        if len(data) >= MUCH_AT_ONCE and self._transport and not self._transport.is_closing():
            # The loop would read megabytes from this socket before it looks at another one.
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._resume_reading)

    def _resume_reading(self) -> None:
        if self._transport and not self._paused and len(self._slots) < MAX_PIPELINED:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        # Half-closed: requests already sent are still answered. TLS has no such state.
        begun = bool(self._slots) and not self._encrypted
        self.drain()
        return begun

    def pause_writing(self) -> None:
        self._set_paused(True)

    def resume_writing(self) -> None:
        self._set_paused(False)

    # --- httptools ---

    def on_message_begin(self) -> None:
        self._reset()
        self._receiving = True
        self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_header(len(name) + len(value))
        lowered = name.lower()
        if lowered == b"content-encoding":
            self._encoding = value.decode("latin-1")
        elif lowered == b"origin":
            self._origin = value.decode("latin-1")
        elif lowered in _KEY_HEADERS:
            self._credentials[lowered.decode()] = value.decode("latin-1")
        elif lowered == b"expect":
            self._expects = value.lower() == b"100-continue"
        elif lowered == b"content-length":
            self._check_size(int(value) if value.isdigit() else 0)

    def on_headers_complete(self) -> None:
        if self._rest.access and not self._closing:
            refusal = self._rest.refusal(self._method(), self._path(), self._credentials)
            if refusal:  # before the body is received
                self._end_with(refusal)
        if self._expects and self._transport and not self._closing:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._closing:
            return
        self._check_size(self._body_bytes + len(data))
        try:
            self._rest.total.take(len(data), self._body_bytes)
        except ServingError as error:
            self._refuse(503, error.message)
            raise
        self._body.append(data)
        self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._since = time.monotonic()
        if self._closing:
            return
        method = self._method()
        slot = _Slot(bool(self._parser.should_keep_alive()), head_only=method == "HEAD")
        self._closing = not slot.keep_alive
        self._slots.append(slot)
        path = self._path()
        self._note(slot)
        slot.old = self._parser.get_http_version() == "1.0"
        slot.held, self._body_bytes = self._body_bytes, 0
        request = method, path, self._body, self._encoding, self._origin
        self._body = []
        if self._paused or self._waiting or (self._has_large_answers and len(self._slots) > 1):
            slot.request = request
            self._waiting += 1
        else:
            self._go_on(slot, self._rest.begin(*request))
        if len(self._slots) >= MAX_PIPELINED and self._transport:
            self._transport.pause_reading()

    def _method(self) -> str:
        return str(self._parser.get_method().decode("latin-1"))

    def _path(self) -> str:
        return self._url.partition(b"?")[0].decode("latin-1")

    def _note(self, slot: _Slot) -> None:
        """Stores the request's fields for the access log."""
        if self._rest.log:
            slot.method, slot.path = self._method() if self._url else "", self._path()
            slot.started, slot.received = self._since, self._body_bytes

    def _begin_waiting(self) -> None:
        """Begins requests that waited: all of them, or one if answers are large."""
        for slot in list(self._slots):
            if slot.request is None:
                if slot.response is None and self._has_large_answers:
                    return
                continue
            if self._paused:
                return
            request, slot.request = slot.request, None
            self._waiting -= 1
            self._go_on(slot, self._rest.begin(*request))

    def _go_on(self, slot: _Slot, step: Step) -> None:
        if isinstance(step, Response):
            self._answer(slot, step)
            return
        slot.work = work = step.work
        if isinstance(work, Call):
            self._scheduler.submit(work, lambda result: self._go_on(slot, step.finish(result)))
        else:
            self._converter.submit(work, lambda result: self._go_on(slot, step.finish(result)))
        if self._transport is None:
            work.abandon()  # the client left during the step before

    # --- responses ---

    def _answer(self, slot: _Slot, response: Response) -> None:
        slot.response = response
        slot.work = None
        self._give_back(slot)
        while self._slots and self._slots[0].response is not None:
            self._write(self._slots.popleft())
        if self._waiting:
            self._begin_waiting()
        self._resume_reading()

    def _give_back(self, slot: _Slot) -> None:
        self._rest.total.give_back(slot.held)
        slot.held = 0

    def _write(self, slot: _Slot) -> None:
        response = slot.response
        if response is None:
            return
        is_large = self._has_large_answers = len(response.body) > _LARGE_ANSWER
        if is_large and self._transport:
            try:
                self._unread.take(len(response.body))
            except ServingError as error:
                slot.keep_alive, self._closing, is_large = False, True, False
                response = Response(503, json_response.error(error.message))
        if self._rest.log:
            self._log(self._rest.log, slot, response)
        if self._transport is None:
            return
        head = (
            f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}\r\n"
            f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
            + ((_CORS_KEY if self._rest.access else _CORS) if self._rest.cors else "")
            + ("WWW-Authenticate: Bearer\r\n" if response.status == 401 else "")
            + _connection(slot)
            + "\r\n"
        ).encode("latin-1")
        if slot.head_only:
            self._transport.write(head)
        elif is_large:  # without copying it
            self._transport.write(head)
            self._transport.write(response.body)
        else:
            self._transport.write(head + response.body)
        self._count_unread()
        if not slot.keep_alive:
            self._end()

    def _end(self) -> None:
        """Closes the connection after the last answer."""
        if not self._transport:
            return
        if not self._receiving:
            self._transport.close()
            return
        # Closing now would make the client's system throw the answer away, as its request has not
        # been read to the end. What still arrives is ignored.
        self._lingers, self._since = True, time.monotonic()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _count_unread(self) -> None:
        """Counts the answers that have left as read."""
        if self._unread.size and self._transport:
            self._unread.shrink(self._transport.get_write_buffer_size())

    def _refuse(self, status: int, message: str) -> None:
        """Answers a request that can't be read to the end, after the earlier ones, and closes."""
        self._end_with(Response(status, json_response.error(message)))

    def _end_with(self, response: Response) -> None:
        self._closing = True
        slot = _Slot(keep_alive=False)
        self._note(slot)
        self._drop_body()
        self._slots.append(slot)
        self._answer(slot, response)

    def _log(self, log: AccessLog, slot: _Slot, response: Response) -> None:
        log.record(
            transport="rest", remote=self._remote, method=slot.method, path=slot.path,
            model=routes.model(slot.path), status=response.status, request_bytes=slot.received,
            response_bytes=len(response.body),
            milliseconds=round((time.monotonic() - slot.started) * 1e3, 3),
        )  # fmt: skip

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES and not self._closing:
            self._refuse(431, f"The request's head is larger than {MAX_HEADER_BYTES} bytes")
            raise ValueError("head too large")

    def _check_size(self, size: int) -> None:
        limit = self._rest.limits.body_bytes
        if size > limit and not self._closing:
            self._refuse(413, f"The body is larger than {limit} bytes")
            raise ValueError("body too large")

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._since = time.monotonic()
        self._count_unread()
        if paused and self._transport:
            self._unread_at_pause = self._transport.get_write_buffer_size()
        if not paused and self._waiting:
            self._begin_waiting()
        if self._transport and not self._transport.is_closing():
            if paused:
                self._transport.pause_reading()
            else:
                self._resume_reading()

    # --- end ---

    def expire(self, now: float) -> None:
        """Closes a connection on which nothing has happened for too long.

        Args:
            now: of time.monotonic().
        """
        limits = self._rest.limits
        self._count_unread()
        if self._transport and self._reads_too_slowly(now):
            self._abort()
        elif self._lingers:
            if now - self._since > LINGER_SECONDS:
                self._abort()
        elif self._receiving and now - self._since > limits.timeout_seconds:
            self._receiving = False
            self._refuse(408, f"The request did not arrive within {limits.timeout_seconds:g} s")
        elif not self._slots and now - self._since > limits.idle_seconds and self._transport:
            self._transport.close()

    def _abort(self) -> None:
        # Closing would wait until the client has read everything, perhaps forever.
        if self._transport:
            self._transport.abort()

    def _reads_too_slowly(self, now: float) -> bool:
        if not self._transport or not (self._paused or self._transport.is_closing()):
            return False
        unread = self._transport.get_write_buffer_size()
        read = max(self._unread_at_pause - unread, 0)
        return reads_too_slowly(read, now - self._since, self._rest.limits.timeout_seconds)

    def drain(self) -> None:
        """Accepts no more requests; closes when those begun are answered."""
        self._closing = True
        self._drop_body()
        if self._slots:
            self._slots[-1].keep_alive = False
        elif self._transport:
            self._transport.close()


def _connection(slot: _Slot) -> str:
    if not slot.keep_alive:
        return "Connection: close\r\n"
    return "Connection: keep-alive\r\n" if slot.old else ""  # HTTP/1.0 closes by default
