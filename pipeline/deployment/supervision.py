"""How the model server fares: its restarts, the process that serves, and a server that is gone."""

import os
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import FanoutError
from pipeline.deployment import model_server, processes
from pipeline.deployment.model_server import Server
from pipeline.deployment.processes import Process
from serving.embedded import Address
from serving.server.dataplane.metrics import LAST_RESTART, RESTART_COUNT
from serving.server.settings.api_keys import ADMIN_ENVIRONMENT, ENVIRONMENT
from serving.server.supervisor import PROGRAM

_PATIENCE_SECONDS = 10.0
_METRICS_LIMIT = 4 << 20
_LOG_BYTES = 64 << 10
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


@dataclass(frozen=True)
class Restarts:
    """The restarts that a running server reports.

    Attributes:
        count: since it was started.
        at: the time of the last one, in seconds since 1970; 0 if there was none.
        reason: what ended the server before: a signal's name, or ``exit code 3``.
    """

    count: int
    at: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        if not self.count:
            return "not restarted"
        times = {1: "once,", 2: "twice, the last time"}.get(
            self.count, f"{self.count} times, the last time"
        )
        return f"restarted {times} {_duration(time.time() - self.at)} ago: ended by {self.reason}"


def restarts(where: Address) -> Restarts | None:
    """Returns a server's restarts; None if it does not answer or is not supervised."""
    try:
        return reported(metrics(where))
    except FanoutError:
        return None


def reported(text: str) -> Restarts | None:
    """Returns the restarts in a server's metrics; None if it is not supervised."""
    from prometheus_client.parser import text_string_to_metric_families

    # Compare the family's name: the parser adds a suffix to the names of a counter's samples.
    found = {
        family.name: family.samples[0]
        for family in text_string_to_metric_families(text)
        if family.name in (RESTART_COUNT, LAST_RESTART)
    }
    if RESTART_COUNT not in found:
        return None
    count, last = int(found[RESTART_COUNT].value), found.get(LAST_RESTART)
    return Restarts(count, last.value, last.labels["reason"]) if last else Restarts(count)


def metrics(where: Address) -> str:
    """Returns a server's metrics in Prometheus' text format.

    Raises:
        FanoutError: they cannot be read.
    """
    url = f"{where.rest}{model_server.METRICS_PATH}"
    key = os.environ.get(ADMIN_ENVIRONMENT) or os.environ.get(ENVIRONMENT)
    request = urllib.request.Request(url, headers={"X-API-Key": key} if key else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - http to ourselves
            return str(answer.read(_METRICS_LIMIT).decode())
    except OSError as error:
        raise FanoutError(f"the server's metrics cannot be read: {url}: {error}") from error


def serving_process(server: Server) -> int | None:
    """Returns the id of the process that a supervisor has started; None if there is none now."""
    return processes.twin(server.pid)


def gone(name: str, folder: Path) -> str:
    """Returns why a server that a run folder records does not run; empty if there is no record."""
    recorded = (
        model_server.recorded(folder)
        if name == model_server.NAME
        else processes.recorded(name, folder)
    )
    if recorded is None:
        return ""
    return (
        f"{name} should run, and does not; the end of its log: {last_words(recorded)}; "
        "to start it again, run: fanout serve"
    )


def last_words(server: Server) -> str:
    """Returns the last line of a server's log that the server itself wrote, or all that is known.

    TensorFlow writes many lines as it starts.
    """
    if not isinstance(server, Process):
        return server.last_words() or "it is empty"
    with suppress(OSError), Path(server.log).open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _LOG_BYTES))
        lines = stream.read().decode(errors="replace").strip().splitlines()
        own = [line for line in lines if line.startswith(PROGRAM)]
        return (own or lines or ["it is empty"])[-1]
    return "it cannot be read"


def _duration(seconds: float) -> str:
    seconds = max(0.0, seconds)
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
