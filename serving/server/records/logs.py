"""The optional logs of a server, set up according to its settings."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from serving.server.dataplane.manager import Manager
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.model_config import Sampling
from serving.server.records.access_log import AccessLog
from serving.server.records.request_writer import RequestLog, default_sampling
from serving.server.settings.flags import Settings


@dataclass
class Logs:
    """The access log (None when it is off) and the log of sampled requests."""

    access: AccessLog | None
    requests: RequestLog

    def close(self) -> None:
        """Writes the queued records."""
        self.requests.close()
        if self.access:
            self.access.close()


def start(
    settings: Settings, manager: Manager, metrics: Metrics, loop: asyncio.AbstractEventLoop
) -> Logs:
    """Returns the logs. Raises UserError when the access log can't be opened.

    Args:
        settings: which logs are on, and their limits.
        manager: knows which models have a logging configuration of their own.
        metrics: count the records; they belong to the loop's thread.
        loop: the event loop that answers requests.
    """

    def in_loop(action: Callable[..., None], *values: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: action(*values))

    access = None
    if settings.access_log:
        access = AccessLog(
            settings.access_log,
            max_bytes=settings.log_max_file_bytes,
            max_files=settings.log_max_files,
            dropped=lambda: in_loop(metrics.access_log_dropped.add),
        )

    def sampling(model: str) -> Sampling | None:
        own_sampling = manager.logging(model)
        if own_sampling or not settings.request_log_prefix:
            return own_sampling
        rate = settings.request_log_sampling_rate
        return default_sampling(settings.request_log_prefix, model, rate)

    requests = RequestLog(
        sampling,
        settings.saved_model_tags,
        lambda model, code: in_loop(metrics.logged.add, model, code),
        settings.log_max_file_bytes,
        settings.log_max_files,
    )
    return Logs(access, requests)
