"""Waits in a coroutine for work whose result is delivered to a callback."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from serving.server.dataplane.statuses import ServingError


class Work(Protocol):
    """What can be submitted: a call of a model, or a job of the converter."""

    def abandon(self) -> None:
        """Notes that nobody waits for the result."""


W = TypeVar("W", bound=Work)


async def result_of(submit: Callable[[W, Callable[[Any], None]], None], work: W) -> Any:
    """Returns the result of work. Raises ServingError.

    Args:
        submit: takes the work and the callback for its result.
        work: is abandoned when this is cancelled, because the client is gone.
    """
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def deliver(result: Any) -> None:
        if not future.done():  # the client may be gone
            future.set_result(result)

    submit(work, deliver)
    try:
        result = await future
    except asyncio.CancelledError:
        work.abandon()
        raise
    if isinstance(result, ServingError):
        # Not the same object: with its traceback, this frame would be in a cycle.
        raise ServingError(result.code, result.message)
    return result
