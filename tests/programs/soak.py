"""Load on a real server while versions are promoted, rolled back and corrupted all the time.

    python -m tests.programs.soak --seconds 600

Every answer must come from a version that was live at that time, no request may fail, and the
server's memory must stay flat. Then tests.programs.leaks runs against another server.
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving import embedded
from serving.client.versions import NoStatus, Versions
from serving.embedded import Address
from tests.programs import leaks
from tests.programs.campaigns import concluded
from tests.programs.changing_releases import MODEL, Releases
from tests.serving import fixture_models
from tests.serving.processes import memory

TEMPLATES = 5
SWITCH_SECONDS = 60.0
# The size that one version more or less, with its malloc arenas, may have.
ALLOWED_GROWTH = 48 << 20


@dataclass
class Report:
    """The observations of a run.

    Attributes:
        requests: the number of answered requests, by transport.
        failures, wrong: the problems, in words.
        actions: how often each action was done.
        memory: the server's resident bytes, once a second.
    """

    requests: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """Returns the last quarter's median memory minus the second quarter's, in bytes."""
        quarter = max(len(self.memory) // 4, 1)
        return int(
            statistics.median(self.memory[-quarter:])
            - statistics.median(self.memory[quarter : 2 * quarter] or self.memory)
        )

    @property
    def problems(self) -> list[str]:
        """Returns the problems; empty after a good run."""
        problems = [*self.failures[:5], *self.wrong[:5]]
        if self.growth > ALLOWED_GROWTH:
            problems.append(f"memory grew by {self.growth >> 20} MB")
        return problems

    def text(self) -> str:
        return "\n".join(
            [
                f"requests   {dict(self.requests)}",
                f"actions    {dict(self.actions)}",
                f"failed     {len(self.failures)}",
                f"wrong      {len(self.wrong)}",
                f"memory     {self.memory[0] >> 20} MB at first, "
                f"{max(self.memory) >> 20} MB at most, {self.memory[-1] >> 20} MB at last, "
                f"growth of the median {self.growth / (1 << 20):.1f} MB",
            ]
        )


class Live:
    """The right answers at each moment: x/2 plus one of these numbers."""

    def __init__(self, plus: float) -> None:
        self._history = [frozenset([plus])]

    def moment(self) -> int:
        return len(self._history) - 1

    def since(self, moment: int) -> frozenset[float]:
        """Returns all numbers that were right at some time since then."""
        return frozenset().union(*self._history[moment:])

    def set(self, *plus: float) -> None:
        self._history.append(frozenset(plus))


def run(
    seconds: float,
    *,
    seed: int = 1,
    rest_clients: int = 3,
    grpc_clients: int = 2,
    enough: Callable[[Report], bool] = lambda _: False,
) -> Report:
    """Runs for about this many seconds, or until ``enough`` is true, and returns the report."""
    chance = random.Random(seed)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fanout-soak-") as name:
        folder = Path(name)
        templates = [
            fixture_models.write_half_plus(folder / f"template-{plus}", plus=float(plus))
            for plus in range(TEMPLATES)
        ]
        (folder / "releases").mkdir()
        releases = Releases(folder / "releases", templates, chance)
        first = releases.add(0)
        releases.promote(first)
        live = Live(0.0)
        with embedded.running(
            MODEL, releases.base_path, "--file_system_poll_wait_seconds=0.1"
        ) as address:
            stopping = threading.Event()
            threads = [
                threading.Thread(target=client, args=(address, live, report, stopping, number))
                for client, count in ((_rest_client, rest_clients), (_grpc_client, grpc_clients))
                for number in range(count)
            ]
            threads.append(threading.Thread(target=_watch, args=(address, report, stopping)))
            for thread in threads:
                thread.start()
            try:
                end = time.monotonic() + seconds
                _direct(
                    *(address, releases, live, report, chance),
                    lambda: time.monotonic() > end or enough(report),
                )
            finally:
                stopping.set()
                for thread in threads:
                    thread.join()
    return report


def _direct(
    address: Address,
    releases: Releases,
    live: Live,
    report: Report,
    chance: random.Random,
    is_over: Callable[[], bool],
) -> None:
    """Promotes, rolls back and corrupts versions until ``is_over`` or the first problem."""
    current = min(releases.good)
    while not is_over() and not report.failures and not report.wrong:
        template = releases.good[current]
        others = [number for number, one in releases.good.items() if one != template]
        match chance.choice(["promote", "promote", "roll back", "broken", "damage", "half copied"]):
            case "roll back" if others:
                target = chance.choice(others)
                report.actions["rolled back"] += 1
            case "broken":
                broken = releases.add((template + 1) % TEMPLATES)
                report.actions[f"promoted broken: {releases.corrupt(broken)}"] += 1
                releases.promote(broken)
                _await_error(address, broken)
                releases.promote(current)
                continue
            case "damage":
                # The live version is damaged after it was loaded: it must keep answering.
                report.actions[f"damaged while live: {releases.corrupt(current)}"] += 1
                target = releases.add((template + 2) % TEMPLATES)
            case "half copied":
                target = releases.add((template + 1) % TEMPLATES)
                weights = releases.saved_model(target) / "variables/variables.data-00000-of-00001"
                content = weights.read_bytes()
                weights.write_bytes(content[:4])
                live.set(float(template), float(releases.good[target]))
                releases.promote(target)
                _await_error(address, target)
                weights.write_bytes(content)
                report.actions["completed a half-copied one"] += 1
            case _:
                target = releases.add((template + chance.randint(1, TEMPLATES - 1)) % TEMPLATES)
                report.actions["promoted"] += 1
        new = float(releases.good[target])
        live.set(float(template), new)
        releases.promote(target)
        _await(lambda: _available(address) == [target], f"{target} live")  # noqa: B023
        live.set(new)
        current = target
        releases.prune(current)


def _available(address: Address) -> list[int]:
    with suppress(NoStatus):
        return Versions(address.rest, MODEL).available()
    return []


def _await_error(address: Address, number: int) -> None:
    """Waits until a version has ended with an error; some version must still answer."""
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=30)

    def ended() -> bool:
        connection.request("GET", f"/v1/models/{MODEL}")
        entries = json.loads(connection.getresponse().read())["model_version_status"]
        assert any(one["state"] == "AVAILABLE" for one in entries), entries
        return any(
            one["version"] == str(number)
            and one["state"] == "END"
            and one["status"]["error_code"] != "OK"
            for one in entries
        )

    _await(ended, f"an error of version {number}")
    connection.close()


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SWITCH_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {SWITCH_SECONDS:g} s for {what}")
        time.sleep(0.02)


def _rest_client(
    address: Address, live: Live, report: Report, stopping: threading.Event, number: int
) -> None:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=60)
    x = np.arange(1.0, 2.0 + number)
    row = json.dumps({"instances": x.tolist()})
    column = json.dumps({"inputs": {"x": x[:, None].tolist()}})
    while not stopping.is_set():
        moment = live.moment()
        body, key = (row, "predictions") if report.requests["rest"] % 2 else (column, "outputs")
        try:
            connection.request("POST", f"/v1/models/{MODEL}:predict", body)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            report.failures.append(f"REST: {error!r}")
            return
        if response.status != http.HTTPStatus.OK:
            report.failures.append(f"REST: {response.status} {content.decode()}")
            return
        report.requests["rest"] += 1
        _judge(np.array(json.loads(content)[key]).ravel(), x, live.since(moment), report)
    connection.close()


def _grpc_client(
    address: Address, live: Live, report: Report, stopping: threading.Event, number: int
) -> None:
    x = np.arange(1.0, 2.0 + number, dtype=np.float32)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.inputs["x"].dtype = 1
    for size in (len(x), 1):
        request.inputs["x"].tensor_shape.dim.add(size=size)
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        while not stopping.is_set():
            # Different values each time: the cache of one request must not answer the next.
            x = np.roll(x, 1) % 64 + 1
            request.inputs["x"].tensor_content = x.tobytes()
            data = request.SerializeToString()
            moment = live.moment()
            try:
                answer = predict_pb2.PredictResponse.FromString(call(data, timeout=60))
            except grpc.RpcError as error:
                report.failures.append(f"gRPC: {error.code().name} {error.details()}")
                return
            report.requests["grpc"] += 1
            _judge(np.array(answer.outputs["y"].float_val), x, live.since(moment), report)


def _judge(y: np.ndarray, x: np.ndarray, right: frozenset[float], report: Report) -> None:
    if not any(np.array_equal(y, x / 2 + plus) for plus in right):
        report.wrong.append(f"x = {x.tolist()} got {y.tolist()}, expected x/2 + {sorted(right)}")


def _watch(address: Address, report: Report, stopping: threading.Event) -> None:
    while True:
        report.memory.append(memory(address))
        if stopping.wait(1.0):
            return


def main() -> int:
    """Returns 0 if there was no problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return max(
        concluded(run(given.seconds, seed=given.seed)), concluded(leaks.run_alone(leaks.Sizes()))
    )


if __name__ == "__main__":
    sys.exit(main())
