"""Judges requests against the training data, and newer requests against older ones."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from models.spec import ModelSpec
from pipeline.monitor.baseline import FOLDER, read_statistics
from pipeline.monitor.request_log import Traffic
from pipeline.monitor.statistics import Comparison, statistics_of
from pipeline.release.release import Release

FINE, DRIFTED, TOO_FEW = "fine", "drifted", "too few requests"
# Distinct from 1 (a gate, damage) and 2 (a wrong command), so a scheduled job can tell them apart.
EXIT_CODES = {FINE: 0, DRIFTED: 3, TOO_FEW: 4}

# Two samples differ by chance as much as one sample of half their size differs from the truth.
PER_HALF = 2


@dataclass(frozen=True)
class Found:
    """The result of comparing the requests to a release with its training data.

    Attributes:
        model, version: the release's.
        status: ``fine``, ``drifted`` or ``too few requests``.
        traffic: the requests that were read.
        skew: the training data against the requests; None without any request.
        drift: the older half of the requests against the newer; None if there are too few.
        needed: the minimum number of examples, from the spec.
    """

    model: str
    version: int
    status: str
    traffic: Traffic
    skew: Comparison | None
    drift: Comparison | None
    needed: int

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    @property
    def findings(self) -> list[str]:
        """Returns one sentence per feature beyond its limit; none if there are too few requests."""
        if self.status == TOO_FEW:
            return []
        sides = {"the training data": self.skew, "older requests": self.drift}
        return [
            comparison.sentence(row, before, "the requests" if comparison is self.skew else "newer")
            for before, comparison in sides.items()
            if comparison
            for row in comparison.beyond
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "status": self.status,
            "exit_code": self.exit_code,
            "examples": len(self.traffic),
            "requests": self.traffic.requests,
            "needed": self.needed,
            "skipped": dict(self.traffic.skipped),
            "files": [str(file) for file in self.traffic.files],
            "skew": _rows(self.skew),
            "drift": _rows(self.drift),
            "unseen": self.skew.unseen if self.skew else [],
            "findings": self.findings,
        }


def judge(spec: ModelSpec, release: Release, traffic: Traffic) -> Found:
    """Returns how far requests are from the release's training data, and newer from older ones.

    Raises:
        UserError: the release holds no statistics of its training data.
    """
    limits = spec.monitoring
    training = read_statistics(release.folder / FOLDER)
    skew = drift = None
    if len(traffic):
        skew = Comparison.of(training, statistics_of(traffic.table), limits)
    half = len(traffic) // 2
    if half >= PER_HALF * limits.min_requests:
        older, newer = traffic.table.head(half), traffic.table.tail(half)
        drift = Comparison.of(statistics_of(older), statistics_of(newer), limits)
    beyond = [row for comparison in (skew, drift) if comparison for row in comparison.beyond]
    judged = DRIFTED if beyond else FINE
    status = judged if len(traffic) >= limits.min_requests else TOO_FEW
    return Found(
        model=spec.name,
        version=release.version,
        status=status,
        traffic=traffic,
        skew=skew,
        drift=drift,
        needed=limits.min_requests,
    )


def as_json(result: Found) -> str:
    """Returns what ``--json`` prints."""
    # JSON has no NaN: a distance that could not be measured is null.
    return json.dumps(_finite(result.to_json()), indent=1)


def _rows(comparison: Comparison | None) -> list[dict[str, Any]]:
    rows = comparison.rows if comparison else ()
    return [{**asdict(row), "within": row.within} for row in rows]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value != value else value
