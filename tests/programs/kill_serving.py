"""SIGKILL at the calls with which a command changes the disk, while a real server answers requests.

    python -m tests.programs.kill_serving

Whatever is killed, everything that is deployed keeps answering, with the release before or the one
after. ``fanout status`` reports the actual state, and the same command again completes the change.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from core.files import copy_tree
from pipeline.deployment import model_server, promotion, rollout, servers
from pipeline.release import release
from pipeline.settings.config import Config
from serving.client.versions import NoStatus, Versions
from tests.faults.campaign import Outcome, Worker
from tests.programs.soak_releases import Live, Report, await_answers, clients
from tests.serving import small_releases

PAUSE_SECONDS = 0.02
SETTLE_SECONDS = 120.0
Call = dict[str, str]


class Served(Worker):
    """A place where killed commands switch between releases 1 and 2.

    Args:
        config: the place's; release 1 is current and served, and nothing else was promoted.
        said: the file for the commands' output.
    """

    def __init__(self, config: Config, said: Path) -> None:
        super().__init__(config.builds, said, small_releases.environment(config))
        self.config = config
        self.points: Counter[str] = Counter()

    def calls(self, command: str) -> list[Call]:
        """Runs a command and returns the calls that it made."""
        done = self.run(*command.split())
        assert done.code == 0, done.said
        self.require_settled()
        return done.calls

    def kill(self, command: str, at: int, harm: str = "kill") -> Outcome:
        """Kills a command at a call; asserts that ``fanout status`` reports the actual state."""
        done = self.run(*command.split(), harm=harm, at=at)
        # With other releases to switch, there may be one call less.
        assert done.code in (-9, 0), done.said
        self.points[command] += done.code == -9
        self.require_true_status()
        return done

    def again(self, command: str, current: int) -> None:
        """Runs a command to its end; asserts the current release and that nothing is left over."""
        # A rollback that has already happened would go one further back.
        if not (command == "rollback" and release.current_version(self.config.build) == current):
            done = self.run(*command.split())
            assert done.code == 0, done.said
        self.require_settled()
        assert release.current_version(self.config.build) == current
        placed = {path.name for path in (self.config.build.deployed / "fashion").iterdir()}
        assert placed == {str(current)}
        assert list(self.config.build.releases.glob(".*")) == []

    def require_settled(self) -> None:
        code, found = self.status()
        assert (code, found["problems"]) == (0, []), found["problems"]

    def require_true_status(self) -> None:
        """Waits until the server follows its file; then compares status with the actual state."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            wanted = _problems(self.config)
            code, found = self.status()
            said = found["problems"]
            is_true = len(said) == len(wanted) and all(
                problem.startswith(words) for problem, words in zip(said, wanted, strict=True)
            )
            if is_true and found["labels"] in ({}, found["deployed"]):
                break
            assert time.monotonic() < deadline, f"said {said}, and so it is: {wanted}"
            time.sleep(0.1)
        assert code == (1 if said else 0)
        assert found["current"] == release.current_version(self.config.build)
        assert found["deployed"] == rollout.labels(self.config)
        assert found["damage"] == [] and found["working"] is None
        for version in found["versions"]:
            folder = self.config.build.releases / str(version)
            assert release.Release.open(folder).damage() == []


def _problems(config: Config) -> list[str]:
    """Returns the beginnings of the problems that status must report, found without status."""
    now, stable = release.current_version(config.build), rollout.labels(config).get(rollout.STABLE)
    address = model_server.address(config)
    loaded: list[int] = []
    if address:
        with suppress(NoStatus):
            loaded = Versions(address.rest, config.spec.name).available()
    folder = config.build.run_folder
    running = servers.running(config)
    problems = [
        f"{name} should run, and does not"
        for name in (servers.SERVER, servers.PAGE)
        if name not in running and list(folder.glob(f"{name}*.json"))
    ]
    if loaded and now not in loaded:
        problems.append(f"server answers with release {', '.join(map(str, loaded))}, and release")
    if stable != now:
        problems.append(f"release {stable} is deployed and release {now} is current")
    problems += [f"server also answers with release {one}" for one in loaded if one != stable]
    return problems


@dataclass(frozen=True)
class Pair:
    """A command, and the command that undoes it; both are killed.

    Attributes:
        commands: the one or two commands.
        after: the current release after the first command; after the second, it is release 1.
        restore: puts back what a command removed.
        under_load: whether a server runs all the time and gets requests.
    """

    commands: tuple[str, ...]
    after: int = 1
    restore: Callable[[], object] = lambda: None
    under_load: bool = True


def switch_and_back(
    served: Served, pair: Pair, choose: Callable[[list[Call]], Iterable[tuple[str, int]]]
) -> Report:
    """Kills both commands at the chosen points, and returns the clients' report."""
    chosen = {}
    for command in pair.commands:
        chosen[command] = list(choose(served.calls(command)))
        assert chosen[command], f"{command} changes nothing"
        pair.restore()
    live, report = Live(1), Report()
    load = clients(served.config, live, report, pause_seconds=PAUSE_SECONDS)
    with load if pair.under_load else nullcontext():
        await_answers(report, 1)
        for number in range(max(map(len, chosen.values()))):
            for command, now in zip(pair.commands, (pair.after, 1), strict=False):
                live.set(1, pair.after)
                harm, at = chosen[command][number % len(chosen[command])]
                served.kill(command, at, harm)
                served.again(command, now)
                live.set(now)
                await_answers(report, now)
                pair.restore()
            if report.problems:
                break
    return report


def every_call(calls: list[Call]) -> list[tuple[str, int]]:
    """Returns all points: before each call, and in the middle of each write."""
    points = [("kill", number) for number in range(len(calls))]
    return points + [("half", n) for n, call in enumerate(calls) if call["call"] == "write"]


def switches(calls: list[Call]) -> list[tuple[str, int]]:
    """Returns the points before the server's file or the link ``current`` is replaced."""
    return [
        ("kill", number)
        for number, call in enumerate(calls)
        if call["call"] in ("rename", "replace")
        and Path(call["to"]).name in ("models.config", "current")
    ]


def main() -> int:
    """Kills each command at all its points; returns 0 if there was no problem."""
    problems = 0
    with tempfile.TemporaryDirectory(prefix="fanout-killed-") as name:
        folder = Path(name)
        config = small_releases.place(folder / "builds", engine="embedded")
        for version in (1, 2, 3):
            small_releases.assemble(config, seed=version)
        promotion.promote(config, release.find(config.build, 1))
        servers.serve(config)
        served = Served(config, folder / "said")
        copy_tree(config.build.releases / "2", folder / "kept")

        def restore() -> None:
            if not (config.build.releases / "2").exists():
                copy_tree(folder / "kept", config.build.releases / "2")

        try:
            for pair in (
                Pair(("promote 2", "rollback"), after=2),
                Pair(("prune --keep 1",), restore=restore),
                Pair(("serve",)),
                Pair(("stop", "serve"), under_load=False),
            ):
                report = switch_and_back(served, pair, every_call)
                print(f"killed {dict(served.points)}", report.text(), sep="\n", flush=True)
                print(*report.problems, sep="\n", file=sys.stderr)
                problems += len(report.problems)
        finally:
            servers.stop_all(config)
            served.close()
    return min(problems, 1)


if __name__ == "__main__":
    sys.exit(main())
