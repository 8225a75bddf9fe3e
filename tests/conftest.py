"""How the tests are shared out over processes: an area's fixtures are made once, not once each.

Setting up an area (a deployment, a server, a converted model) takes longer than most of its
tests, so each area stays in one process, and the longest ones start first.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warm import Warm

TESTS = Path(__file__).resolve().parent
LONGEST_FIRST = ("e2e", "web", "mobile", "serving")
# Folders below an area that share no fixture with the rest of it.
APART = (
    "tests/e2e/penguins",
    "tests/pipeline/monitor",
    "tests/pipeline/report",
    "tests/serving/conformance",
    "tests/serving/container",
)


# What a test runs is known by what it asks for; tests that ask for none of these say it themselves.
MARKS = {"site": "browser", "pi": "emulator", "libraries": "emulator"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[name])

    def rank(item: pytest.Item) -> int:
        first = item.path.relative_to(TESTS).parts[0]
        return LONGEST_FIRST.index(first) if first in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Returns what gives whole areas to processes.

    xdist's own groups, by a mark, have no effect with pytest 9.2, whose node ids cannot be changed.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Areas(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.partition("::")[0].rpartition("/")[0]
            apart = (area for area in APART if folder.startswith(area))
            return next(apart, "/".join(folder.split("/")[:2]))

    return Areas(config, log)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Yields the process that has TFX imported; commands run in forks of it."""
    warm = Warm()
    yield warm
    warm.close()
