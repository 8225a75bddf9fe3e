"""gRPC over HTTP/2 over asyncio, without threads: turns a connection's streams into calls."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from serving.server.dataplane.shared import (
    MUCH_AT_ONCE,
    Clients,
    HeldBytes,
    Unread,
    address_of,
    reads_too_slowly,
)
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.grpc import messages
from serving.server.grpc.calls import Call, Context, Refusal, Shared, StreamCall, UnaryCall
from serving.server.grpc.handlers import Method
from serving.server.http2.connection import Connection
from serving.server.http2.frames import Error
from serving.server.http2.headers import Head
from serving.server.http2.streams import Stream
from serving.server.offload.converter import Converter

LOG = logging.getLogger("fanout-model-server")
# How long a client may take to acknowledge that the server is shutting down.
DRAIN_SECONDS = 1.0
# The limit for all unfinished messages of a connection, as a multiple of the largest message.
MESSAGES_AT_A_TIME = 2


@dataclass(frozen=True)
class GrpcLimits:
    """Limits for a connection.

    Attributes:
        message_bytes: of a request, also after it was unpacked.
        timeout_seconds: how long a request may take to arrive, and the client to read its response.
        connections: how many may be open at a time.
        idle_seconds: after which a connection without calls is closed.
    """

    message_bytes: int = 64 << 20
    timeout_seconds: float = 30.0
    connections: int = 900
    idle_seconds: float = 300.0


@dataclass
class GrpcServer:
    """The state that all connections share.

    Attributes:
        methods: by path.
        admit: called with the path and the metadata of each call before anything else; it raises
            ServingError to refuse the call.
        connections: the open ones.
        refused: called with the path, the client's address and the error of a call that reaches no
            method.
        total: counts the bytes of the requests and the unread answers of all connections.
        converter: parses large requests; without one they are parsed here.
        clients: counts the connections of each client.
    """

    methods: Mapping[str, Method]
    limits: GrpcLimits = field(default_factory=GrpcLimits)
    admit: Callable[[str, Mapping[str, str]], None] | None = None
    connections: "set[GrpcProtocol]" = field(default_factory=set)
    refused: Callable[[str, str, ServingError], None] | None = None
    total: HeldBytes = field(default_factory=HeldBytes)
    converter: Converter | None = None
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = Clients(self.limits.connections)


class GrpcProtocol(asyncio.Protocol):
    """One connection. Under TLS, the context must offer the protocol h2 (ALPN)."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._since = time.monotonic()
        self._remote = self._address = ""
        # The last accepted head with its method and timeout: most calls repeat the same head.
        self._plan: tuple[Head, Method, float] | None = None
        self._connection = Connection(self)
        self._unread = Unread(server.total, self._abort)
        self._shared = Shared(
            server.limits.message_bytes, server.total, self._unread, server.converter
        )

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)
        self._connection.open()
        peer = transport.get_extra_info("peername")
        self._address = address_of(peer)
        self._remote = f"{peer[0]}:{peer[1]}" if self._address else ""
        refusal = self._server.clients.enter(self._address)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._connection.fail(Error.INADEQUATE_SECURITY, "the client did not choose h2 (ALPN)")
        elif refusal:
            self._connection.fail(Error.ENHANCE_YOUR_CALM, refusal)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)
        self._server.clients.leave(self._address)
        self._connection.lost()
        self._unread.close()
        self._plan = None

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._connection.receive(data)
        except Exception:  # an error in this server must end only one connection
            LOG.exception("gRPC connection")
            self._connection.fail(Error.INTERNAL_ERROR, "internal error")
        if len(data) >= MUCH_AT_ONCE and self._transport and not self._transport.is_closing():
            # The loop would read megabytes from this socket before it looks at another one.
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._resume_reading)

    def _resume_reading(self) -> None:
        paused = self._connection.sender.paused
        if self._transport and not paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self._connection.sender.paused = True
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()  # the client must read its answers before it sends more

    def resume_writing(self) -> None:
        self._connection.sender.paused = False
        self._resume_reading()
        self._connection.sender.pump()

    # --- HTTP/2 ---

    def begun(self, stream: Stream) -> None:
        try:
            stream.call = self._call(stream)
        except ServingError as error:
            if self._server.refused:
                self._server.refused(stream.head.path, self._remote, error)
            block = messages.status_block(error.code, error.message, alone=True)
            self._connection.sender.end(stream, block)

    def _call(self, stream: Stream) -> Call:
        head, plan = stream.head, self._plan
        sender, shared = self._connection.sender, self._shared
        if plan is not None and plan[0] is head:
            context = Context(time.monotonic() + plan[2], head.fields, self._remote)
            return UnaryCall(plan[1], stream, sender, context, shared)
        path, metadata = head.path, head.fields
        is_post = head.method == "POST"
        if not is_post or not metadata.get("content-type", "").startswith("application/grpc"):
            context = Context(float("inf"), metadata)
            return Refusal("415" if is_post else "405", stream, sender, context, shared)
        if self._server.admit:
            self._server.admit(path, metadata)
        method = self._server.methods.get(path)
        if method is None:
            raise ServingError(Code.UNIMPLEMENTED, f"unknown method {path[:200]}")
        messages.check_encoding(metadata.get("grpc-encoding", "identity"))
        seconds = float("inf")
        if "grpc-timeout" in metadata:
            seconds = messages.timeout(metadata["grpc-timeout"])
        context = Context(time.monotonic() + seconds, metadata, self._remote)
        if method.stream is not None:
            return StreamCall(method, stream, sender, context, shared)
        self._plan = (head, method, seconds)
        return UnaryCall(method, stream, sender, context, shared)

    def received(self, stream: Stream, data: bytes, *, end: bool) -> None:
        call: Call | None = stream.call
        if call is None or call.over or stream.local_closed:
            return
        try:
            call.received(data, end=end)
            if not end and call.waiting > _SMALL:
                self._check_memory()
        except ServingError as error:
            call.cancel()
            call.fail(error)

    def _check_memory(self) -> None:
        streams = self._connection.streams.values()
        waiting = sum(one.call.waiting for one in streams if one.call)
        if waiting > MESSAGES_AT_A_TIME * self._server.limits.message_bytes:
            raise ServingError(Code.RESOURCE_EXHAUSTED, "too many large messages at a time")

    def cancelled(self, stream: Stream) -> None:
        if stream.call:
            stream.call.cancel()

    def write(self, data: bytes) -> None:
        self._since = time.monotonic()
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)
            if self._unread.size:
                self._count_unread()

    def _count_unread(self) -> None:
        """Counts the answers that have left as read."""
        if self._transport and not self._transport.is_closing():
            buffered = self._transport.get_write_buffer_size()
            self._unread.shrink(self._connection.sender.unsent + buffered)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    # --- end ---

    def expire(self, now: float) -> None:
        """Ends calls whose time is up, and a connection on which nothing happens.

        Args:
            now: of time.monotonic().
        """
        limits = self._server.limits
        for stream in list(self._connection.streams.values()):
            call: Call | None = stream.call
            if call is None or stream.local_closed:
                continue
            late = call.receiving and now - call.since > limits.timeout_seconds
            if late or call.context.deadline < now:
                call.expire()
        silent = now - self._since
        self._count_unread()
        if any(
            reads_too_slowly(taken, seconds, limits.timeout_seconds)
            for taken, seconds in self._connection.sender.waiting(now)
        ):
            self._abort()
        elif not self._connection.settled and silent > limits.timeout_seconds:
            self._connection.fail(Error.PROTOCOL_ERROR, "no SETTINGS frame arrived")
        elif not self._connection.streams and silent > limits.idle_seconds:
            self.drain()

    def _abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def drain(self) -> None:
        """Accepts no more calls; closes when those begun are answered."""
        self._connection.drain()
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._connection.finish_draining)


_SMALL = 1 << 20
