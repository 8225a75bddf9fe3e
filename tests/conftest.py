"""How the tests are shared out over processes: a scope's fixtures are made once, not once each.

Setting up a deployment, a server or a converted model takes longer than most of its tests, so a
scope stays in one process. The longest ones start first: what is left for the end is short, and
no process is idle for long while another one ends.
"""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.forked import Forks
from tests.warm import Warm

ROOT = Path(__file__).resolve().parents[1]
# Folders that share fixtures which take seconds, in the order in which they start. A folder below
# another one stands before it. Folders that are not named here are scopes of their own.
SCOPES = (
    ("tests/e2e/penguins",),
    ("tests/e2e",),
    ("tests/web",),
    ("tests/serving/container",),
    ("tests/mobile",),
    ("tests/faults",),
    ("tests/serving/conformance",),
    ("tests/serving",),
    ("tests/pipeline/deployment",),
    ("tests/pipeline/stages", "tests/pipeline/training"),
    ("tests/models",),
)


def scope_of(folder: str) -> tuple[int, str]:
    """Returns the place of a folder's scope in their order, and its name."""
    for place, prefixes in enumerate(SCOPES):
        if any(folder == prefix or folder.startswith(f"{prefix}/") for prefix in prefixes):
            return place, prefixes[0]
    return len(SCOPES), folder


# What a test runs is known by what it asks for; tests that ask for none of these say it themselves.
MARKS = {"site": "browser", "pi": "emulator", "libraries": "emulator"}
# Where tests do the same thing again and again, under load, or with one fault after another.
CAMPAIGNS = (
    "tests/faults",
    "tests/serving/interop",
    "tests/serving/server/test_campaigns.py",
    "tests/serving/server/test_robustness.py",
)


def pytest_configure() -> None:
    gc.disable()  # until everything is imported
    # A shell has its background jobs ignore SIGINT, and all that they start would ignore it too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[name])
        if any(item.path.is_relative_to(ROOT / place) for place in CAMPAIGNS):
            item.add_marker("campaign")

    items.sort(key=lambda item: scope_of(item.path.parent.relative_to(ROOT).as_posix())[0])


def pytest_collection_finish() -> None:
    # Importing all tests makes a million objects that stay, TensorFlow's and Keras' for the most
    # part. A look at all of them takes a third of a second, in each collection of garbage.
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Returns what gives whole scopes to processes.

    xdist's own groups, by a mark, have no effect with pytest 9.2, whose node ids cannot be changed.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scopes(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid.partition("::")[0].rpartition("/")[0])[1]

    return Scopes(config, log)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Yields the process that has TFX imported; commands run in forks of it."""
    warm = Warm()
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Yields the process that has TensorFlow imported; model servers are forks of it."""
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def quick_servers(forks: Forks) -> Iterator[None]:
    """Has the model servers that a module starts with ``embedded.running`` be forks."""
    with forks.in_use():
        yield
