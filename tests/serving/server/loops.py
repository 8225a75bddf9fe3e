"""Transports on a loop of their own, in this process, so that tests can look at their objects."""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import uvloop

# A machine with other work on it needs longer: this ends what would wait for ever.
SECONDS = 120.0


@contextlib.contextmanager
def listening(
    factory: Callable[[asyncio.AbstractEventLoop], asyncio.Protocol],
    context: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Yields the port on which connections get a protocol from the factory."""
    started = threading.Event()
    stopping: list[Callable[[], None]] = []
    ports: list[int] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        stopping.append(lambda: loop.call_soon_threadsafe(stop.set))
        listener = await loop.create_server(lambda: factory(loop), "127.0.0.1", 0, ssl=context)
        ports.append(listener.sockets[0].getsockname()[1])
        started.set()
        await stop.wait()
        listener.close()

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        assert started.wait(SECONDS)
        yield ports[0]
    finally:
        stopping[0]()
        thread.join(SECONDS)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)
