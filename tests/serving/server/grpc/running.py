"""The gRPC transport with a service of the tests, on a loop of its own."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc
import uvloop
from google.protobuf.wrappers_pb2 import BytesValue

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.grpc import handlers
from serving.server.grpc.handlers import Method
from serving.server.grpc.transport import GrpcLimits, GrpcProtocol, GrpcServer
from tests.serving.server.loops import SECONDS, wait_until

LIMIT = 20 << 20


class Echo:
    """Says what it hears: at once, when it may, or never."""

    NAME = "test.Echo"

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.held = asyncio.Event()

    def methods(self) -> Mapping[str, Method]:
        return {
            "Start": Method(BytesValue, start=self._start),
            "Work": Method(BytesValue, work=self._work),
            "Stream": Method(BytesValue, stream=self._stream),
        }

    def _start(self, request: Any, _: Any, deliver: Callable[[Any], None]) -> Callable[[], None]:
        self.begun += 1
        if request.value == b"refuse":
            raise ServingError(Code.ALREADY_EXISTS, "100 % für «dich»\nzeile 2")
        if request.value == b"break":
            raise RuntimeError("broken")
        if request.value == b"never":
            return self._cancel
        asyncio.get_running_loop().call_soon(deliver, request)
        return self._cancel

    def _cancel(self) -> None:
        self.cancelled += 1

    async def _work(self, request: Any, _: Any) -> Any:
        self.begun += 1
        try:
            if request.value == b"held":
                await self.held.wait()
        except asyncio.CancelledError:
            self._cancel()
            raise
        return request

    async def _stream(self, requests: AsyncIterator[Any], _: Any) -> Any:
        async for request in requests:
            yield request


class Running:
    """A transport on a loop of its own."""

    def __init__(self, limits: GrpcLimits, **options: Any) -> None:
        self.echo = Echo()
        self.server = GrpcServer(handlers.table([self.echo]), limits, **options)
        self.port = 0
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._thread.start()
        assert self._ready.wait(SECONDS)

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        listener = await self._loop.create_server(lambda: GrpcProtocol(self.server), "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        while not self._stop.is_set():
            for connection in list(self.server.connections):
                connection.expire(time.monotonic())
            await asyncio.sleep(0.05)
        listener.close()

    def wait_until_begun(self, calls: int) -> None:
        wait_until(lambda: self.echo.begun >= calls)

    def release(self) -> None:
        """Lets the calls go on that are held."""
        assert self._loop
        self._loop.call_soon_threadsafe(self.echo.held.set)

    def drain(self) -> None:
        def all_connections() -> None:
            for connection in list(self.server.connections):
                connection.drain()

        assert self._loop
        self._loop.call_soon_threadsafe(all_connections)

    def close(self) -> None:
        assert self._loop and self._stop
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(SECONDS)

    def channel(self) -> grpc.Channel:
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options)
