"""Load on everything that is deployed while ``fanout`` promotes releases and rolls them back.

    python -m tests.programs.soak_releases --switches 50

No request may fail: over REST or gRPC, with a label or without, to the page or the device folder.
None may be answered by a version other than the one before or the one after a switch.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.agreement.golden import read_golden
from core.toolchain import ROOT
from pipeline.deployment import promotion, servers
from pipeline.deployment.rollout import STABLE
from pipeline.deployment.status import status
from pipeline.release import release
from pipeline.release.release import Release
from pipeline.settings.config import Config
from serving.client import Client
from tests.programs.campaigns import concluded
from tests.serving import small_releases

VERSIONS = 3
PAUSE_SECONDS = 0.02
# The longest wait for one answer or one switch, and the least number of answers that each client
# gets between two switches.
PATIENCE_SECONDS = 120.0
FEWEST_ANSWERS = 6


@dataclass
class Report:
    """The observations of a run.

    Attributes:
        answers: how often each version answered, by client.
        switches: how often each verb was run.
        seconds: the duration of each switch.
        failures, wrong: the problems, in words.
    """

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    switches: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Returns the problems; empty after a good run."""
        return [*self.failures[:5], *self.wrong[:5]]

    def text(self) -> str:
        rows = [
            f"{name:<16} {seen.total():>7,} answers: "
            + ", ".join(
                f"{count:,} of release {version}" for version, count in sorted(seen.items())
            )
            for name, seen in self.answers.items()
        ]
        switched = (
            [
                f"switches {dict(self.switches)}, {np.median(self.seconds):.1f} s each in the "
                f"median, {max(self.seconds):.1f} s at most"
            ]
            if self.seconds
            else []
        )
        counts = f"failed {len(self.failures)}, wrong {len(self.wrong)}"
        return "\n".join([*switched, *rows, counts])


class Live:
    """The versions that may answer, now and at each moment in the past."""

    def __init__(self, version: int) -> None:
        self._history = [frozenset([version])]

    def moment(self) -> int:
        return len(self._history) - 1

    def since(self, moment: int) -> frozenset[int]:
        return frozenset().union(*self._history[moment:])

    def set(self, *versions: int) -> None:
        self._history.append(frozenset(versions))


def run(switches: int, *, seed: int = 1) -> Report:
    """Makes a separate place, runs this many promotions and rollbacks there; returns the report."""
    with tempfile.TemporaryDirectory(prefix="fanout-soak-") as folder:
        config = small_releases.place(Path(folder), engine="embedded")
        for version in range(1, VERSIONS + 1):
            small_releases.assemble(config, seed=version)
        promotion.promote(config, release.find(config.build, 1))
        servers.serve(config)
        try:
            return switching(config, switches, seed=seed)
        finally:
            servers.stop_all(config)


def switching(config: Config, switches: int, *, seed: int = 1) -> Report:
    """Switches the releases of a served place this many times, and returns the report."""
    chance, report = random.Random(seed), Report()
    current = release.current_version(config.build)
    assert current is not None
    live = Live(current)
    with clients(config, live, report):
        await_answers(report, current)
        for _ in range(switches):
            _switch(config, live, report, chance)
            if report.problems:
                break
    report.wrong += status(config).problems
    return report


def _switch(config: Config, live: Live, report: Report, chance: random.Random) -> None:
    before, back = release.current_version(config.build), release.rollback_version(config.build)
    assert before is not None
    others = [version for version in release.versions(config.build) if version != before]
    words, after = ["rollback"], back
    if back is None or chance.random() < 1 / 2:
        after = chance.choice(others)
        words = ["promote", str(after)]
    assert after is not None
    live.set(before, after)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.commands.cli", *words],
        check=False,
        cwd=ROOT,
        env=small_releases.environment(config),
        capture_output=True,
        text=True,
    )
    report.seconds.append(time.monotonic() - started)
    report.switches[words[0]] += 1
    live.set(after)
    if done.returncode:
        report.failures.append(f"{' '.join(words)}: {done.stdout} {done.stderr}")
    if release.current_version(config.build) != after:
        report.wrong.append(f"{' '.join(words)}: release {after} is not current")
    # This leaves time to notice an answer of a version that must not answer any more.
    await_answers(report, after)


def await_answers(report: Report, version: int) -> None:
    """Waits until each client got a few answers from the version that must answer now."""
    before = {name: seen[version] for name, seen in report.answers.items()}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not report.problems and any(
        seen[version] < before[name] + FEWEST_ANSWERS for name, seen in report.answers.items()
    ):
        if time.monotonic() > deadline:
            report.failures.append(
                f"release {version} does not answer every client: {report.answers}"
            )
        time.sleep(PAUSE_SECONDS)


@contextmanager
def clients(
    config: Config, live: Live, report: Report, *, pause_seconds: float = 0.0
) -> Iterator[None]:
    """Runs a thread per client that sends requests all the time, with the given pause between."""
    addresses = servers.addresses(config)
    asking: dict[str, Callable[[], Iterator[int]]] = {
        f"{transport} {label or 'latest'}": lambda url=addresses[transport], label=label: _versions(  # type: ignore[misc]
            config, url, label
        )
        for transport in ("REST", "gRPC")
        for label in (None, STABLE)
    }
    asking["page"] = lambda: _page(f"{addresses['page']}contract.json")
    asking["device folder"] = lambda: _devices(config)
    stopping = threading.Event()
    report.answers = {name: Counter() for name in asking}

    def ask(name: str) -> None:
        try:
            versions = asking[name]()
            while not stopping.is_set():
                moment = live.moment()
                version = next(versions)
                report.answers[name][version] += 1
                if version not in live.since(moment):
                    expected = sorted(live.since(moment))
                    report.wrong.append(f"{name}: release {version} answered, expected {expected}")
                time.sleep(pause_seconds)
        except Exception as error:
            report.failures.append(f"{name}: {error!r}")

    threads = [threading.Thread(target=ask, args=(name,)) for name in asking]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _versions(config: Config, url: str, label: str | None) -> Iterator[int]:
    """Yields the version that answers, recognised by its golden answers; 0 for any other answer."""
    images, known = golden_answers(config)
    with Client(url, config.spec.name, label=label, retries=0) as client:
        row = 0
        while True:
            row = (row + 1) % len(images)
            answer = client.predict(images[row : row + 1])[0]
            yield next(
                (
                    version
                    for version, answers in known.items()
                    if np.allclose(answer, answers[row], atol=1e-5)
                ),
                0,
            )


def golden_answers(config: Config) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Returns the pictures of all golden sets, and each version's answers to them."""
    folders = {
        version: config.build.releases / str(version) for version in release.versions(config.build)
    }
    sets = {
        version: read_golden(folder / "golden.json", config.spec)
        for version, folder in folders.items()
    }
    images = next(iter(sets.values())).inputs["image"]
    known = {}
    for version, golden in sets.items():
        # Each set is in the order of its own answers.
        same = (golden.inputs["image"][None] == images[:, None]).all(axis=(2, 3, 4))
        known[version] = golden.outputs["probabilities"][same.argmax(axis=1)]
    return images, known


def _page(url: str) -> Iterator[int]:
    while True:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - our own server
            yield int(json.load(answer)["version"])
        time.sleep(PAUSE_SECONDS)


def _devices(config: Config) -> Iterator[int]:
    """Yields the version of the folder that devices copy from; its files must be undamaged."""
    while True:
        folder = config.build.current.resolve(strict=True)
        damage = Release.open(folder).damage()
        if damage:
            raise ValueError("; ".join(damage))
        yield int(folder.name)
        time.sleep(PAUSE_SECONDS)


def main() -> int:
    """Returns 0 if there was no problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--switches", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return concluded(run(given.switches, seed=given.seed))


if __name__ == "__main__":
    sys.exit(main())
