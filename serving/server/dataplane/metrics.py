"""Counters and histograms with TensorFlow Serving's names, and this server's own ones.

They are in Prometheus' text format.

Prometheus' client library appends ``_total`` to the names of counters; dashboards for TensorFlow
Serving look for the names without it (util/prometheus_exporter.cc).
"""

from bisect import bisect_left
from collections.abc import Iterator

from serving.server.dataplane.versions import Models, Version
from serving.server.supervisor import Restarts

CONTENT_TYPE = "text/plain; version=0.0.4"
# Microseconds: Exponential(10, 1.8, 33) of tensorflow_serving/servables/tensorflow/util.cc.
BOUNDS = tuple(10 * 1.8**step for step in range(33))
_PREFIX = ":tensorflow:serving:"
# TensorFlow Serving has no such metrics.
RESTART_COUNT = ":fanout:model_server:restart_count"
LAST_RESTART = ":fanout:model_server:last_restart_time_seconds"
LOAD_FAILED = ":fanout:model_server:load_failed_since_seconds"


class Counter:
    """A number for each combination of labels."""

    def __init__(self, name: str, *labels: str) -> None:
        self._name = _PREFIX + name
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *values: str, count: int = 1) -> None:
        """Adds to the count for these label values."""
        self._counts[values] = self._counts.get(values, 0) + count

    def lines(self) -> Iterator[str]:
        yield f"# TYPE {self._name} counter"
        for values, count in sorted(self._counts.items()):
            yield f"{self._name}{_braces(self._labels, values)} {count}"


class Histogram:
    """Durations in microseconds for each combination of labels."""

    def __init__(self, name: str, *labels: str) -> None:
        self._name = _PREFIX + name
        self._labels = labels
        self._buckets: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def record(self, microseconds: float, *values: str) -> None:
        """Adds one duration for these label values."""
        buckets = self._buckets.get(values)
        if buckets is None:
            buckets = self._buckets[values] = [0] * (len(BOUNDS) + 1)
        buckets[bisect_left(BOUNDS, microseconds)] += 1
        self._sums[values] = self._sums.get(values, 0.0) + microseconds

    def lines(self) -> Iterator[str]:
        yield f"# TYPE {self._name} histogram"
        labels = (*self._labels, "le")
        for values, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*BOUNDS, None), buckets, strict=True):
                total += count
                text = "+Inf" if bound is None else f"{bound:g}"
                yield f"{self._name}_bucket{_braces(labels, (*values, text))} {total}"
            braces = _braces(self._labels, values)
            yield f"{self._name}_sum{braces} {self._sums[values]:.0f}"
            yield f"{self._name}_count{braces} {total}"


class Metrics:
    """The metrics of a server. They belong to the event loop's thread.

    Args:
        restarts: of a supervised server; None if nothing starts it again.
        models: of the server.
    """

    def __init__(self, restarts: Restarts | None = None, models: Models | None = None) -> None:
        self._restarts = restarts
        self._models = models
        self.requests = Counter("request_count", "model_name", "status")
        self.request_latency = Histogram("request_latency", "model_name", "API", "entrypoint")
        self.runtime_latency = Histogram("runtime_latency", "model_name", "API", "runtime")
        self.logged = Counter("request_log_count", "model_name", "status_code")
        self.access_log_dropped = Counter("access_log_dropped_count")
        self.batches = Counter("batch_count", "model_name", "rows_up_to")

    def text(self) -> bytes:
        """Returns all metrics in the format that Prometheus reads."""
        metrics = (
            self.requests, self.request_latency, self.runtime_latency, self.batches, self.logged,
            self.access_log_dropped,
        )  # fmt: skip
        lines = [line for one in metrics for line in one.lines()]
        lines += _of_restarts(self._restarts)
        lines += _of_failures(self._models.failures() if self._models else [])
        return "".join(f"{line}\n" for line in lines).encode()


def _of_restarts(restarts: Restarts | None) -> Iterator[str]:
    if restarts is not None:
        yield f"# TYPE {RESTART_COUNT} counter"
        yield f"{RESTART_COUNT} {restarts.count}"
    if restarts is not None and restarts.count:
        yield f"# TYPE {LAST_RESTART} gauge"
        yield f"{LAST_RESTART}{_braces(('reason',), (restarts.reason,))} {restarts.at:.3f}"


def _of_failures(failures: list[tuple[str, Version]]) -> Iterator[str]:
    if failures:
        yield f"# TYPE {LOAD_FAILED} gauge"
    for name, version in failures:
        code = version.error.code.name if version.error else ""
        braces = _braces(("model_name", "version", "code"), (name, str(version.number), code))
        yield f"{LOAD_FAILED}{braces} {int(version.failed_since)}"


def _braces(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
