"""What ``fanout status`` and ``fanout smoke`` say of a server that dies, in a real server."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from core.agreement.checks import FAILED, PASSED, Check
from pipeline.deployment import model_server, processes, promotion, servers, smoke, supervision
from pipeline.deployment.processes import Process
from pipeline.deployment.status import Status, status
from pipeline.deployment.supervision import Restarts
from pipeline.settings.config import Config
from serving.server import supervisor
from serving.server.dataplane.metrics import Metrics
from tests.serving import small_releases

SECONDS = 300


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Yields a place with release 1, which is promoted."""
    config = small_releases.place(tmp_path_factory.mktemp("builds"), engine="embedded")
    promotion.promote(config, small_releases.assemble(config, seed=1))
    yield config
    servers.stop_all(config)


@pytest.fixture
def served(place: Config) -> Config:
    """A place whose servers run; what a test has ended is started again."""
    servers.serve(place)
    return place


def recorded(config: Config) -> Process:
    found = model_server.running(config.build.run_folder)
    assert isinstance(found, Process)
    return found


def until(config: Config, holds: Callable[[Status], bool]) -> Status:
    deadline = time.monotonic() + SECONDS
    while not holds(found := status(config)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def rows(*states: str) -> list[Check]:
    return [Check("serving", "float32", "REST", state, reason="refused") for state in states]


def test_a_restart_is_reported(served: Config, capsys: pytest.CaptureFixture[str]) -> None:
    parent = recorded(served).pid
    found = status(served)
    child = found.running["server"]
    assert found.problems == [] and child != parent
    assert found.server["supervisor"] == parent
    assert found.server["restarts"] == {"count": 0, "at": 0.0, "reason": ""}
    assert f"server (release 1, process {child}, supervised by process {parent})" in found.to_text()
    assert "restarted" not in found.to_text()
    assert smoke._explained(served, rows(PASSED)) == rows(PASSED)
    assert "restarted" not in capsys.readouterr().err

    # A parent that is stopped starts nothing.
    os.kill(parent, signal.SIGSTOP)
    try:
        os.kill(child, signal.SIGSEGV)
        found = until(served, lambda now: "supervisor" not in now.server)
        assert found.running["server"] == parent
        (problem,) = found.problems
        assert problem.startswith("server: ") and "got no answer" in problem
        assert "; the end of its log: fanout-model-server: ready: gRPC on " in problem
        assert not found.server["healthy"]
    finally:
        os.kill(parent, signal.SIGCONT)

    found = until(served, lambda now: not now.problems)
    assert found.running["server"] not in (child, parent)
    assert found.server["supervisor"] == parent
    assert found.server["restarts"]["count"] == 1
    assert found.server["restarts"]["reason"] == "SIGSEGV"
    assert found.server["restarted"] in found.to_text()
    assert found.server["restarted"].startswith("restarted once, ")
    assert found.server["restarted"].endswith(" ago: ended by SIGSEGV")
    assert smoke._explained(served, rows(PASSED)) == rows(PASSED)
    assert "the server was restarted once, " in capsys.readouterr().err


def test_a_page_that_is_gone_is_a_problem(served: Config) -> None:
    page = servers.running(served)["page"]
    os.kill(page.pid, signal.SIGKILL)
    os.waitpid(page.pid, 0)
    (problem,) = status(served).problems
    assert problem.startswith("page should run, and does not; the end of its log: ")


def test_a_server_without_an_id_in_its_record_is_found_by_the_parent(served: Config) -> None:
    parent = recorded(served)
    file = served.build.run_folder / "server.json"
    file.write_text(file.read_text().replace(f'"pid": {parent.pid}', '"pid": 0'))
    assert recorded(served) == parent


def test_a_server_that_is_gone_is_a_problem_until_it_is_stopped(served: Config) -> None:
    where = servers.addresses(served)
    child = processes.twin(recorded(served).pid)
    assert child is not None
    pid = recorded(served).pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    found = status(served)
    (problem,) = found.problems
    assert problem.startswith("server should run, and does not; the end of its log: ")
    assert problem.endswith("; to start it again, run: fanout serve")
    assert set(found.running) == {"page"} and found.server == {}
    assert where["page"] in found.to_text()
    assert where["REST"] not in found.to_text() and where["gRPC"] not in found.to_text()
    (row,) = smoke._explained(served, rows(FAILED))
    assert row.reason == f"{problem}; refused"
    # Its child has ended with it.
    deadline = time.monotonic() + SECONDS
    while processes._start_time(child) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    servers.stop_all(served)
    assert status(served).problems == []
    (row,) = smoke._explained(served, rows(FAILED))
    assert row.reason == "server does not run; to start it, run: fanout serve; refused"


@pytest.mark.parametrize(
    ("restarts", "words"),
    [
        (Restarts(0), "not restarted"),
        (Restarts(1, 12, "SIGSEGV"), "restarted once, 12 s ago: ended by SIGSEGV"),
        (
            Restarts(2, 600, "SIGKILL"),
            "restarted twice, the last time 10 min ago: ended by SIGKILL",
        ),
        (
            Restarts(7, 200_000, "exit code 1"),
            "restarted 7 times, the last time 2 d ago: ended by exit code 1",
        ),
    ],
)
def test_words(restarts: Restarts, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision.time, "time", lambda: 2 * restarts.at)
    assert str(restarts) == words


def test_restarts_are_read_from_the_metrics() -> None:
    text = Metrics(supervisor.Restarts(3, 1234.5, "SIGABRT")).text().decode()
    assert supervision.reported(text) == Restarts(3, 1234.5, "SIGABRT")
    assert supervision.reported(Metrics(supervisor.Restarts()).text().decode()) == Restarts(0)
    assert supervision.reported(Metrics().text().decode()) is None
