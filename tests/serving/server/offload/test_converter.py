"""The converter: a real process, what it answers, and what happens when it ends."""

import asyncio
import os
import signal
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from pickle import PickleBuffer
from typing import Any

import numpy as np
import pytest

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.offload.converter import Converter, Job
from serving.server.rest.responses import TooLarge
from tests.serving.server.offload import functions

SECONDS = 120.0


def job(function: Callable[..., Any], *arguments: Any, size: int = 1) -> Job:
    return Job(function, arguments, size)


def with_converter(work: Callable[[Converter], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def main() -> None:
        converter = Converter(asyncio.get_running_loop(), **options)
        try:
            await asyncio.wait_for(work(converter), SECONDS)
        finally:
            converter.close()

    asyncio.run(main())


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


async def refused(awaitable: Awaitable[Any]) -> ServingError:
    with pytest.raises(ServingError) as caught:
        await awaitable
    return caught.value


def test_work_is_done_in_one_other_process() -> None:
    async def work(converter: Converter) -> None:
        assert converter.pid is None
        first = await converter.run(job(functions.process))
        assert first == converter.pid != os.getpid()
        assert await converter.run(job(functions.process)) == first
        array = np.arange(2_000_000.0)
        np.testing.assert_array_equal(await converter.run(job(functions.doubled, array)), array * 2)
        pieces = [b"a" * 100_000, b"", bytearray(b"b" * 200_000)]
        buffers = [PickleBuffer(piece) for piece in pieces]
        assert await converter.run(job(functions.joined, buffers)) == b"".join(pieces)

    with_converter(work)


def test_errors_keep_their_codes() -> None:
    async def work(converter: Converter) -> None:
        error = await refused(converter.run(job(functions.refuses, False)))
        assert (error.code, error.message) == (Code.NOT_FOUND, "not there")
        error = await refused(converter.run(job(functions.fails)))
        assert error.code is Code.RESOURCE_EXHAUSTED
        results: list[Any] = []
        converter.submit(job(functions.refuses, True), results.append)
        await until(lambda: bool(results))
        assert isinstance(results[0], TooLarge)

    with_converter(work)


def test_it_starts_again_after_it_was_ended() -> None:
    async def work(converter: Converter) -> None:
        first = await converter.run(job(functions.process))
        error = await refused(converter.run(job(functions.ends, size=12)))
        assert error.code is Code.UNAVAILABLE
        assert error.message == "converting 12 bytes failed: its process ended with exit code 3"
        second = await converter.run(job(functions.process))
        assert second != first
        os.kill(second, signal.SIGKILL)
        error = await refused(converter.run(job(functions.process)))
        assert error.message.endswith("its process ended by SIGKILL")
        assert await converter.run(job(functions.process)) not in (first, second)

    with_converter(work)


def test_it_ends_when_there_is_no_work() -> None:
    async def work(converter: Converter) -> None:
        first = await converter.run(job(functions.process))
        await until(lambda: converter.pid is None)
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert await converter.run(job(functions.process)) != first

    with_converter(work, idle_seconds=0.05)


def test_small_work_comes_first_and_none_is_done_for_who_left(tmp_path: Path) -> None:
    async def work(converter: Converter) -> None:
        go, begun, order = tmp_path / "go", tmp_path / "begun", tmp_path / "order"
        held = asyncio.create_task(converter.run(job(functions.waits_for, go, begun)))
        await until(begun.exists)
        gone = asyncio.create_task(converter.run(job(functions.notes, order, "gone", size=1)))
        others = [
            asyncio.create_task(converter.run(job(functions.notes, order, str(size), size=size)))
            for size in (300, 20, 1000, 100)
        ]
        await asyncio.sleep(0)  # all have been submitted
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        go.touch()
        assert await held == "waited"
        await asyncio.gather(*others)
        assert order.read_text().split() == ["20", "100", "300", "1000"]

    with_converter(work)


def test_what_is_abandoned_is_free_at_once(tmp_path: Path) -> None:
    async def work(converter: Converter) -> None:
        go, begun = tmp_path / "go", tmp_path / "begun"
        held = asyncio.create_task(converter.run(job(functions.waits_for, go, begun)))
        await until(begun.exists)
        array = np.ones(1000)
        ref = weakref.ref(array)
        results: list[Any] = []
        waiting = job(functions.doubled, array)
        converter.submit(waiting, results.append)
        del array
        waiting.abandon()
        assert ref() is None
        go.touch()
        await held
        await until(lambda: bool(results))
        assert results[0].code is Code.DEADLINE_EXCEEDED

    with_converter(work)


def test_closing_does_not_wait_for_work(tmp_path: Path) -> None:
    async def work(converter: Converter) -> None:
        begun = tmp_path / "begun"
        task = asyncio.create_task(
            converter.run(job(functions.waits_for, tmp_path / "never", begun))
        )
        await until(begun.exists)
        pid = converter.pid
        assert pid
        converter.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        task.cancel()

    with_converter(work)


def test_it_gets_no_keys_and_no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANOUT_API_KEY", "the-key-of-a-client")
    monkeypatch.setenv("FANOUT_ADMIN_API_KEY", "the-key-of-an-admin")

    async def work(converter: Converter) -> None:
        found = await converter.run(job(functions.environment))
        assert not [name for name in found if name.endswith("API_KEY")]
        modules = await converter.run(job(functions.modules))
        assert "tensorflow.python" not in modules

    with_converter(work)
