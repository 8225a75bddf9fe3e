"""Batches, bounds and deadlines, with real models on a real event loop."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import pytest

from serving.server.dataplane import independence, pace, saved_model
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.scheduler import Call, Result, Scheduler
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.dataplane.tensors import Array
from serving.server.dataplane.versions import Lease
from tests.serving.held_model import Gate

RESCUE_SECONDS = 60.0


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    gate = Gate(tmp_path_factory.mktemp("gate"))
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def servable(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> Servable:
    """A model whose signatures behave: by row, by batch, by chance, as long as a gate is shut."""
    tf = tensorflow()

    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def rows(self, x: Any) -> dict[str, Any]:
            return {"y": x * 2.0}

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def centred(self, x: Any) -> dict[str, Any]:
            return {"y": x - tf.reduce_mean(x, axis=0)}

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def noisy(self, x: Any) -> dict[str, Any]:
            return {"y": x + tf.random.normal(tf.shape(x))}

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def picky(self, x: Any) -> dict[str, Any]:
            with tf.control_dependencies([tf.debugging.assert_less(x, 100.0)]):
                return {"y": tf.identity(x)}

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def held(self, x: Any) -> dict[str, Any]:
            return {"y": gate.passed(x)}

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x")])
        def wide(self, x: Any) -> dict[str, Any]:
            return {"y": x * 2.0}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "x")])
        def words(self, x: Any) -> dict[str, Any]:
            return {"y": tf.strings.length(x)}

    module = Module()
    path = tmp_path_factory.mktemp("scheduler") / "1"
    names = ("rows", "centred", "noisy", "picky", "held", "wide", "words")
    tf.saved_model.save(module, str(path), {name: getattr(module, name) for name in names})
    loaded = saved_model.load(path, name="m", version=1)
    loaded.joinable = frozenset({"rows", "picky", "held", "wide"})
    return loaded


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rows", True), ("centred", False), ("noisy", False), ("picky", True), ("words", False)],
)
def test_only_rows_that_are_independent_may_be_joined(
    servable: Servable, name: str, expected: bool
) -> None:
    assert independence.joinable(servable, servable.signatures[name], {}) is expected


def test_known_inputs_decide_for_text(servable: Servable) -> None:
    words = np.array([b"one", b"three"], object)
    assert independence.joinable(servable, servable.signatures["words"], {"x": words})
    same = np.array([b"one", b"one"], object)
    assert not independence.joinable(servable, servable.signatures["words"], {"x": same})


def call(servable: Servable, name: str, x: Array, lease: Lease | None = None) -> Call:
    found = lease or Lease(servable)
    assert found.acquire()
    return Call(found, servable.signatures[name], {"x": x}, ("y",), weight=x.nbytes)


def on_loop(work: Callable[[Scheduler], Awaitable[Any]], **options: Any) -> Any:
    async def main() -> Any:
        scheduler = Scheduler(asyncio.get_running_loop(), **options)
        try:
            return await work(scheduler)
        finally:
            scheduler.close()

    return asyncio.run(main())


def submit(scheduler: Scheduler, one: Call) -> "asyncio.Future[Result]":
    future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    scheduler.submit(one, future.set_result)
    return future


def row(value: float) -> Array:
    return np.full((1, 2), value, np.float32)


def outputs(result: Result) -> Array:
    assert not isinstance(result, ServingError), result
    return result["y"]


def test_inputs_of_calls_that_fail_are_free_at_once(servable: Servable) -> None:
    async def work(scheduler: Scheduler) -> list[Result]:
        rows = [row(value) for value in (200.0, 300.0)]
        refs.extend(weakref.ref(x) for x in rows)
        futures = [submit(scheduler, call(servable, "picky", x)) for x in rows]
        del rows
        return [await future for future in futures]

    refs: list[weakref.ref[Array]] = []
    gc.disable()
    try:
        results = on_loop(work)
        assert all(isinstance(result, ServingError) for result in results)
        del results
        assert all(ref() is None for ref in refs)
    finally:
        gc.enable()


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each run of a model, padded ones included."""
    seen = []
    run = Servable.run

    def counting(self: Servable, signature: Any, inputs: Any, wanted: Any = ()) -> Any:
        seen.append(len(inputs["x"]))
        return run(self, signature, inputs, wanted)

    monkeypatch.setattr(Servable, "run", counting)
    return seen


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has run before counts as fast, however busy the machine is."""
    monkeypatch.setattr(pace, "FAST_SECONDS", float("inf"))


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("ready", "run"), [(1, 1), (3, 3), (7, 7), (9, 10), (13, 14), (17, 20), (31, 32)]
)
def test_a_fast_model_runs_few_sizes_of_batch(
    servable: Servable, sizes: list[int], ready: int, run: int
) -> None:
    servable.pace("rows").record(1, 8, 1e-5)
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> list[Result]:
        futures = [submit(scheduler, call(servable, "rows", row(n), lease)) for n in range(ready)]
        return await asyncio.gather(*futures)

    results = on_loop(work)
    assert [float(outputs(result)[0, 0]) for result in results] == [2.0 * n for n in range(ready)]
    assert sizes == [run]


def test_a_slow_model_runs_no_row_for_nothing(
    servable: Servable, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FAST_SECONDS", 0.0)
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> list[Result]:
        futures = [submit(scheduler, call(servable, "rows", row(n), lease)) for n in range(7)]
        return await asyncio.gather(*futures)

    assert len(on_loop(work)) == 7
    assert sizes == [4, 2, 1]


@pytest.mark.usefixtures("fast")
def test_calls_that_are_ready_run_as_one(servable: Servable, sizes: list[int]) -> None:
    servable.pace("rows").record(1, 8, 1e-4)
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> list[Result]:
        futures = [submit(scheduler, call(servable, "rows", row(n), lease)) for n in range(40)]
        return await asyncio.gather(*futures)

    results = on_loop(work, max_batch=32)
    assert [float(outputs(result)[0, 0]) for result in results] == [2.0 * n for n in range(40)]
    assert sum(sizes) == 40 and len(sizes) == 2


def test_calls_of_other_shapes_or_versions_are_not_mixed(servable: Servable) -> None:
    servable.pace("wide").record(1, 8, 1e-4)
    leases = [Lease(servable), Lease(servable)]

    async def work(scheduler: Scheduler) -> list[Result]:
        arrays = [row(1), np.ones((3, 2), np.float32), np.ones((2, 5), np.float32), row(2)]
        return await asyncio.gather(
            *[
                submit(scheduler, call(servable, "wide", array, lease))
                for array in arrays
                for lease in leases
            ]
        )

    shapes = [outputs(result).shape for result in on_loop(work)]
    assert shapes == [(1, 2), (1, 2), (3, 2), (3, 2), (2, 5), (2, 5), (1, 2), (1, 2)]


def test_one_bad_request_fails_alone(servable: Servable) -> None:
    servable.pace("picky").record(1, 8, 1e-4)
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> list[Result]:
        values = [1.0, 1000.0, 2.0]
        return await asyncio.gather(
            *[submit(scheduler, call(servable, "picky", row(v), lease)) for v in values]
        )

    good, bad, also_good = on_loop(work)
    assert outputs(good)[0, 0] == 1.0 and outputs(also_good)[0, 0] == 2.0
    assert isinstance(bad, ServingError) and bad.code is Code.INVALID_ARGUMENT


def test_beyond_the_bound_calls_are_refused(servable: Servable) -> None:
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> list[Result]:
        return await asyncio.gather(
            *[submit(scheduler, call(servable, "rows", row(n), lease)) for n in range(5)]
        )

    results = on_loop(work, max_waiting=3)
    refused = [result for result in results if isinstance(result, ServingError)]
    assert [error.code for error in refused] == [Code.UNAVAILABLE] * 2
    assert lease.users == 0


def test_calls_past_their_deadline_are_not_run(servable: Servable) -> None:
    lease = Lease(servable)

    async def work(scheduler: Scheduler) -> Result:
        late = call(servable, "rows", row(1), lease)
        late.deadline = time.monotonic() - 1
        return await submit(scheduler, late)

    error = on_loop(work)
    assert isinstance(error, ServingError) and error.code is Code.DEADLINE_EXCEEDED
    assert lease.users == 0


def test_a_slow_model_does_not_stop_the_loop(servable: Servable, gate: Gate) -> None:
    lease = Lease(servable)
    gate.shut()
    # Run on the loop itself, a call would keep it from ever opening the gate.
    rescue = threading.Timer(RESCUE_SECONDS, gate.open)
    rescue.start()

    async def turns_until_done(scheduler: Scheduler, number: int) -> int:
        future = submit(scheduler, call(servable, "held", row(number), lease))
        turns = 0
        while not future.done():
            turns += 1
            await asyncio.sleep(0.001)
            if turns > 5 and gate.is_reached:
                # Of what a call waits for a quarter counts: it is seen to be slow.
                await asyncio.sleep(8 * pace.FAST_SECONDS)
                gate.open()
        gate.shut()
        return turns

    async def work(scheduler: Scheduler) -> list[int]:
        return [await turns_until_done(scheduler, number) for number in range(2)]

    try:
        # Run on the loop itself, a call would let it take two turns.
        assert min(on_loop(work)) > 5
    finally:
        rescue.cancel()
        gate.open()


def test_calls_that_nobody_waits_for_leave_room(servable: Servable, gate: Gate) -> None:
    lease = Lease(servable)
    gate.shut()

    async def work(scheduler: Scheduler) -> tuple[list[Result], Result]:
        held = submit(scheduler, call(servable, "held", row(0), lease))
        while not gate.is_reached:
            await asyncio.sleep(0.001)
        waiting = [call(servable, "held", row(1), lease) for _ in range(3)]
        futures = [submit(scheduler, one) for one in waiting]
        refused = await submit(scheduler, call(servable, "rows", row(1), lease))
        assert isinstance(refused, ServingError) and refused.code is Code.UNAVAILABLE
        for one in waiting:
            one.deadline = 0.0  # as when their clients leave
        await asyncio.sleep(0.02)
        last = await submit(scheduler, call(servable, "rows", row(2), lease))
        gate.open()
        await held
        return [await future for future in futures], last

    late, last = on_loop(work, max_waiting=4)
    assert {one.code for one in late if isinstance(one, ServingError)} == {Code.DEADLINE_EXCEEDED}
    assert float(outputs(last)[0, 0]) == 4.0
    assert lease.users == 0


def test_close_waits_for_nothing(servable: Servable) -> None:
    async def work(scheduler: Scheduler) -> int:
        return scheduler.waiting

    assert on_loop(work) == 0
