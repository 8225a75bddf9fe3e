"""``fanout deploy --canary``: tries a release beside the stable one, then promotes or withdraws it.

It is served under the label ``canary``. Its smoke test sends it the release's examples over REST
and gRPC. Then it is watched: the same examples go to both versions in turn, and the server's
metrics report how the requests of all clients ended.
"""

import statistics
import time
from dataclasses import dataclass

from core.agreement.checks import Check, for_few
from core.agreement.golden import Golden, read_golden
from core.console import CONSOLE
from core.errors import FanoutError, GateError, UserError
from pipeline.deployment import model_server, promotion, rollout, servers, supervision
from pipeline.deployment.rollout import CANARY
from pipeline.deployment.supervision import Restarts
from pipeline.release import release
from pipeline.release.release import Release
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive
from serving.client import Client, RequestFailed
from serving.embedded import Address

_PAUSE_SECONDS = 0.05
_FEWEST_PROBES = 20
# A server that died is started again within seconds; a large model takes longer to load.
_RESTART_SECONDS = 60.0
# Statuses that are the server's fault; a bad request says nothing about a version.
_FAULTS = {"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNKNOWN"}


@dataclass(frozen=True)
class Limits:
    """The limits for a canary.

    Attributes:
        faults: the share of requests that the server fails while the canary is served.
        slower: the ratio of its median time to the stable version's.
        slack_ms: a smaller difference does not count, whatever the ratio.
    """

    faults: float = 0.01
    slower: float = 1.5
    slack_ms: float = 2.0


@dataclass(frozen=True)
class Watched:
    """The measurements of a canary.

    Attributes:
        seconds: how long it was watched after its smoke test.
        requests: the number of all clients' requests that ended in that time or the smoke test.
        faults: the number of these requests that the server failed.
        stable_ms, canary_ms: the median time of one prediction.
        probes: the number of probes that were sent to each version.
    """

    seconds: float
    requests: int
    faults: int
    stable_ms: float
    canary_ms: float
    probes: int

    def against(self, limits: Limits) -> str:
        """Returns why the canary must be withdrawn; empty if it may stay."""
        reasons = []
        if self.faults > limits.faults * max(self.requests, 1):
            reasons.append(
                f"the server failed {self.faults} of {self.requests} requests, "
                f"at most {limits.faults:.0%} may fail"
            )
        slow = self.canary_ms > self.stable_ms * limits.slower
        if slow and self.canary_ms - self.stable_ms > limits.slack_ms:
            reasons.append(
                f"a prediction takes {self.canary_ms:.1f} ms and the stable version's "
                f"{self.stable_ms:.1f} ms; at most {limits.slower:g} times that is allowed"
            )
        return "; ".join(reasons)

    def __str__(self) -> str:
        return (
            f"{self.requests} requests in the smoke test and the {self.seconds:.0f} s after it, "
            f"{self.faults} failed; a prediction takes {self.canary_ms:.1f} ms, "
            f"the stable version's {self.stable_ms:.1f} ms"
        )


def deploy_canary(
    config: Config,
    candidate: Release,
    seconds: float,
    *,
    hold: bool = False,
    limits: Limits | None = None,
) -> list[Check]:
    """Serves a release as canary and then promotes it, or with ``hold`` leaves it as canary.

    Args:
        config: the model and its build folder, which has a current release.
        made: the release, which is undamaged, checked, and not the current one.
        seconds: how long it is watched.
        hold: leaves the decision to ``fanout promote`` and ``fanout withdraw``.
        limits: the limits for the canary.

    Returns:
        The rows of its smoke test.

    Raises:
        GateError: it was withdrawn; the message says why. The stable version was served throughout.
        UserError: nothing is current yet, or the release already is.
    """
    with exclusive(config.build.folder):
        release.require_promotable(config.trust, candidate)
        stable = release.current_version(config.build)
        if stable is None:
            raise UserError("a canary needs a promoted release beside it; first run: fanout deploy")
        if stable == candidate.version:
            raise UserError(f"release {stable} is already current, so there is no canary to try")
        release.require_sound(config.trust, release.find(config.build, stable), "Serving")
        servers.serve(config)
        both = {rollout.STABLE: stable, CANARY: candidate.version}
        rollout.switch(config, both)
        CONSOLE.print(f"  release {candidate.version} is served as canary beside release {stable}")
        try:
            before = _ended(_address(config), config.spec.name)
            rows = _smoke(config, candidate)
            watched = _watch(config, candidate, seconds, before)
            reason = watched.against(limits or Limits())
            CONSOLE.print(f"  {watched}")
            if reason:
                raise GateError("Canary", f"release {candidate.version} is withdrawn: {reason}")
        except BaseException:
            rollout.switch(config, {rollout.STABLE: stable})
            raise
        if not hold:
            promotion.promote(config, candidate)
        return rows


def withdraw(config: Config) -> int:
    """Ends the canary and returns its version. Raises UserError when there is none."""
    with exclusive(config.build.folder):
        labels = rollout.labels(config)
        if CANARY not in labels:
            raise UserError(f"{config.build.name} has no canary")
        version = labels.pop(CANARY)
        rollout.switch(config, labels)
    return version


def _smoke(config: Config, candidate: Release) -> list[Check]:
    import serving.smoke

    golden = _golden(config, candidate)
    where = _address(config)
    rows = serving.smoke.smoke(
        {"REST": where.rest, "gRPC": where.grpc},
        config.spec.name,
        golden,
        limits=for_few(config.spec.limits["serving"]["float32"], len(golden)),
        runs_in=CANARY,
        label=CANARY,
    )
    failed = [row for row in rows if row.stops_release]
    if failed:
        reasons = "; ".join(f"{row.runtime}: {row.reason}" for row in failed)
        raise GateError("Canary", f"release {candidate.version} is withdrawn: {reasons}")
    return rows


def _watch(
    config: Config, candidate: Release, seconds: float, before: tuple[int, int, Restarts | None]
) -> Watched:
    where, name = _address(config), config.spec.name
    started = time.monotonic()
    try:
        times = _probe(where, name, _golden(config, candidate), seconds)
    except RequestFailed as error:
        _await_the_server(where)
        if supervision.restarts(where) == before[2]:
            raise GateError(
                "Canary", f"release {candidate.version} is withdrawn: {error}"
            ) from error
        times = {}
    seconds = time.monotonic() - started
    ended, failed, restarts = _ended(where, name)
    if restarts != before[2]:
        raise GateError(
            "Canary", f"release {candidate.version} is withdrawn: the server {restarts}"
        )
    probes = len(times[CANARY])
    requests, faults = ended - before[0], failed - before[1]
    if not requests:
        # Fails closed, as below: at least the smoke test's gRPC requests have ended.
        raise FanoutError(
            f"the server's metrics count no request to {name}, although {2 * probes} were "
            f"answered: {where.rest}{model_server.METRICS_PATH}"
        )
    return Watched(
        seconds=seconds,
        requests=requests,
        faults=faults,
        stable_ms=statistics.median(times[rollout.STABLE]),
        canary_ms=statistics.median(times[CANARY]),
        probes=probes,
    )


def _probe(where: Address, name: str, golden: Golden, seconds: float) -> dict[str, list[float]]:
    """Returns the milliseconds of predictions by label. Raises RequestFailed."""
    times: dict[str, list[float]] = {rollout.STABLE: [], CANARY: []}
    started = time.monotonic()
    with (
        Client(where.rest, name, label=rollout.STABLE) as stable,
        Client(where.rest, name, label=CANARY) as canary,
    ):
        clients = {rollout.STABLE: stable, CANARY: canary}
        probes = 0
        while probes < _FEWEST_PROBES or time.monotonic() - started < seconds:
            row = probes % len(golden)
            one = {key: values[row : row + 1] for key, values in golden.inputs.items()}
            for label, client in clients.items():
                sent = time.perf_counter()
                client.predict(one)
                times[label].append((time.perf_counter() - sent) * 1e3)
            probes += 1
            time.sleep(_PAUSE_SECONDS)
    return times


def _await_the_server(where: Address) -> None:
    """Waits until the server answers again, or for as long as it may take to start."""
    deadline = time.monotonic() + _RESTART_SECONDS
    while supervision.restarts(where) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)


def _ended(where: Address, model: str) -> tuple[int, int, Restarts | None]:
    """Returns how many requests have ended, how many the server failed, and its restarts.

    Raises:
        FanoutError: unknown; a canary that cannot be watched is not promoted.
    """
    text = supervision.metrics(where)
    return *counted(text, model), supervision.reported(text)


def counted(metrics: str, model: str) -> tuple[int, int]:
    """Returns how many requests to a model have ended, and how many of them the server failed.

    Args:
        metrics: the server's metrics, in Prometheus' text format.
        model: the model's name on the server.
    """
    from prometheus_client.parser import text_string_to_metric_families

    total = failed = 0
    for family in text_string_to_metric_families(metrics):
        # Compare the family's name: the parser adds a suffix to the names of a counter's samples.
        if family.name == ":tensorflow:serving:request_count":
            for sample in family.samples:
                if sample.labels["model_name"] == model:
                    total += int(sample.value)
                    failed += int(sample.value) * (sample.labels["status"] in _FAULTS)
    return total, failed


def _golden(config: Config, candidate: Release) -> Golden:
    return read_golden(candidate.folder / "golden.json", config.spec)


def _address(config: Config) -> Address:
    address = model_server.address(config)
    if address is None:
        raise FanoutError("the model server ended while it served the canary")
    return address
