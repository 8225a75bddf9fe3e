"""How the tests are shared out over processes: an area's fixtures are made once, not once each.

Setting up an area (a deployment, a server, a converted model) takes longer than most of its
tests, so each area stays in one process, and the longest areas start first.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
LONGEST_FIRST = ("e2e", "web", "mobile", "serving")


def area(path: Path) -> str:
    """Returns the folder of tests that a test file belongs to."""
    return "-".join(path.relative_to(TESTS).parts[:-1]) or path.stem


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        first = area(item.path).partition("-")[0]
        known = first in LONGEST_FIRST
        return LONGEST_FIRST.index(first) if known else len(LONGEST_FIRST)

    items.sort(key=rank)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(area(item.path)))
