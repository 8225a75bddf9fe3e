"""SIGKILL at every call that changes the disk."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.release import release
from pipeline.release.release import Release
from web.server.site_server import serving

pytestmark = pytest.mark.timeout(3600)


@dataclass(frozen=True)
class Case:
    """A command and the states that are allowed after it was killed.

    Attributes:
        command: the command.
        code: its exit code if it is not killed.
        every: one of this many points is tested.
        before, after: the current release before and after the command.
        back: the release that a rollback goes to, by the current release.
        versions: the versions on disk when the command has ended.
        at_least: the least number of points; with fewer, the campaign would not test anything.
    """

    command: str
    before: int
    after: int
    back: dict[int, int | None]
    versions: tuple[int, ...]
    at_least: int
    code: int = 0
    every: int = 1


ALL = (1, 2, 3, 4, 5)
CASES = (
    Case("run", 2, 6, {2: 1, 6: 2}, (*ALL, 6), 80, every=2),
    # The same calls as a run's, except for the last ones.
    Case("run-refused", 2, 2, {2: 1}, (*ALL, 6), 20, code=1, every=9),
    Case("promote 3", 2, 3, {2: 1, 3: 2}, ALL, 10),
    Case("promote 4", 2, 2, {2: 1}, ALL, 1, code=1),
    Case("rollback", 2, 1, {2: 1, 1: None}, ALL, 10),
    Case("prune --keep 1", 2, 2, {2: 1}, (1, 2, 5), 30),
)


def points(campaign: Any, case: Case) -> list[tuple[str, int]]:
    """Returns the points at which to kill: before each call, and halfway through each write."""
    done = campaign.run(*case.command.split())
    assert done.code == case.code, done.said
    places = [("half", n) for n, call in enumerate(done.calls) if call["call"] == "write"]
    places += [("kill", number) for number in range(len(done.calls))]
    # From the end: the last call comes after the switch.
    return places[:: -case.every]


def require_sound(campaign: Any, case: Case) -> tuple[int, int]:
    """Asserts what must be true of the folder at any moment.

    Returns the current release and the one that is deployed as stable.
    """
    status = campaign.true_status()
    assert status["working"] is None
    assert status["deployed"]["stable"] in (case.before, case.after)
    now: int = status["current"]
    assert now in (case.before, case.after)
    assert status["rollback"] == case.back[now]
    assert status["versions"] == release.versions(campaign.config.build)
    assert set(case.versions) & set(ALL) <= set(status["versions"])
    for version in status["versions"]:
        found = Release.open(campaign.releases / str(version))
        assert found.damage() == []
        assert not (found.stopped_by and version == now)
    return now, status["deployed"]["stable"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_killed_at_any_call_nothing_is_lost(
    campaign: Any, case: Case, page: Callable[[], int], record_property: Callable[..., None]
) -> None:
    places = points(campaign, case)
    record_property("points", len(places))
    assert len(places) >= case.at_least
    seen = set()
    for harm, number in places:
        campaign.reset()
        assert campaign.run(*case.command.split(), harm=harm, at=number).code == -9
        now, _ = require_sound(campaign, case)
        seen.add(now)
        assert page() == now, "what is served is not what is current"
        # The same command again. A rollback that has already happened would go one further back.
        if case.command != "rollback" or now == case.before:
            again = campaign.run(*case.command.split())
            assert again.code == case.code, again.said
        assert require_sound(campaign, case) == (case.after, case.after)
        if case.command.startswith("run"):
            assert Release.open(campaign.releases / "6").damage() == []
        else:
            assert tuple(release.versions(campaign.config.build)) == case.versions
        if campaign.leftovers:
            campaign.run("prune", "--keep", "9")
        assert campaign.leftovers == []
    assert seen == {case.before, case.after}


@pytest.fixture
def page(campaign: Any) -> Any:
    """Yields a function that gets the version from the page's server, which runs all the time."""
    with serving(campaign.releases / "current" / "web") as url:

        def version() -> int:
            with urllib.request.urlopen(f"{url}contract.json", timeout=120) as answer:  # noqa: S310
                return int(json.load(answer)["version"])

        yield version
