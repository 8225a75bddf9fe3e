"""How the tests are shared out over processes: an area's fixtures are made once, not once each.

Setting up an area (a deployment, a server, a converted model) takes longer than most of its
tests, so each folder of tests stays in one process, and the longest ones start first.
"""

from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
LONGEST_FIRST = ("e2e", "web", "mobile", "serving")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        first = item.path.relative_to(TESTS).parts[0]
        return LONGEST_FIRST.index(first) if first in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Returns what gives whole folders to processes.

    xdist's own groups, by a mark, have no effect with pytest 9.2, whose node ids cannot be changed.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Folders(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0].rpartition("/")[0]

    return Folders(config, log)
