"""The supervisor with programs that are cheap to start; test_supervised.py has a real server."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.toolchain import ROOT
from serving.server import supervisor

SECONDS = 120


@contextmanager
def program(*lives: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.serving.server.supervised_program", *lives]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def life(process: "subprocess.Popen[str]") -> Any:
    """Returns what the next life prints."""
    assert process.stdout
    return json.loads(process.stdout.readline())


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[Any], list[str]]:
    """Returns the exit code, and what the further lives and the supervisor have printed."""
    lives, said = process.communicate(timeout=SECONDS)
    return process.returncode, [json.loads(line) for line in lives.splitlines()], said.splitlines()


@pytest.mark.parametrize(
    ("end", "reason"),
    [("SIGKILL", "SIGKILL"), ("SIGSEGV", "SIGSEGV"), ("3", "exit code 3"), ("0", "exit code 0")],
)
def test_what_dies_after_it_was_ready_is_started_again(end: str, reason: str) -> None:
    before = time.time()
    with program(f"ready:{end}", "ready:stay") as process:
        first, second = life(process), life(process)
        assert (first["count"], first["at"], first["reason"]) == (0, 0, "")
        assert (second["count"], second["reason"]) == (1, reason)
        assert before <= second["at"] <= time.time()
        assert second["blocked"] == []
        process.terminate()
        code, _, (line,) = ended(process)
    assert code == 0
    assert re.fullmatch(
        rf"fanout-model-server: the server \(process {first['pid']}\) was ended by {reason} after "
        r"\d+\.\d s; restart 1 follows now",
        line,
    )


def test_a_configuration_error_ends_it_with_the_same_code() -> None:
    with program("early:2", "ready:stay") as process:
        assert life(process)["count"] == 0
        assert ended(process) == (2, [], [])


@pytest.mark.parametrize("lives", [["early:SIGABRT"], ["ready:SIGSEGV", "early:SIGABRT"]])
def test_it_gives_up_on_what_never_becomes_ready(lives: list[str]) -> None:
    with program(*lives) as process:
        code, seen, said = ended(process)
    assert code == 1
    assert len(seen) == supervisor.ATTEMPTS + len(lives) - 1
    assert said[-1] == (
        "fanout-model-server: error: the server ended 5 times in a row before it was ready, "
        "the last time by SIGABRT; it is not started again"
    )
    assert len(said) == len(seen)


def test_a_code_before_it_is_ready_is_no_configuration_error_once_it_has_served() -> None:
    with program("ready:SIGSEGV", "early:2") as process:
        code, seen, said = ended(process)
    assert (code, len(seen)) == (1, supervisor.ATTEMPTS + 1)
    assert "the last time by exit code 2" in said[-1]


def test_a_few_early_deaths_are_survived() -> None:
    with program(*["early:SIGABRT"] * 4, "ready:SIGKILL", *["early:SIGABRT"] * 4, "ready:stay") as (
        process
    ):
        assert [life(process)["count"] for _ in range(10)] == list(range(10))
        process.terminate()
        assert ended(process)[0] == 0


def test_the_child_ends_when_the_parent_is_killed() -> None:
    with program("ready:stay") as process:
        assert life(process)["count"] == 0
        process.kill()
        # The child has the other end of the pipes: they close when it ends.
        assert ended(process) == (-signal.SIGKILL, [], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_child_without_a_handler_yet_is_stopped_too(number: signal.Signals) -> None:
    with program("early:wait") as process:
        life(process)
        process.send_signal(number)
        code, _, said = ended(process)
    assert code == 0
    assert "; restart" not in "".join(said)


def test_it_can_be_stopped_between_two_children() -> None:
    with program("ready:SIGKILL", "ready:SIGKILL", "early:wait") as process:
        assert process.stderr
        process.stderr.readline()
        assert "; restart 2 follows in 0.1 s" in process.stderr.readline()
        process.terminate()
        assert ended(process)[0] == 0


def test_orphans_are_reaped() -> None:
    with program("ready:orphan") as process:
        orphan = Path(f"/proc/{life(process)['orphan']}")
        deadline = time.monotonic() + SECONDS
        while orphan.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert process.poll() is None


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = [supervisor.pause_after(young) for young in range(1, 9)]
    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30]
    assert supervisor.pause_after(10_000) == 30


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", True),
        ("--supervise --port=1", True),
        ("--supervise=true", True),
        ("--supervise=false", False),
        ("--port=1 --supervise 0", False),
        ("--supervise=false --supervise=1", True),
        ("--supervise=FALSE --port=1", False),
    ],
)
def test_the_flag(words: str, wanted: bool) -> None:
    assert supervisor.is_wanted(words.split()) is wanted


def test_the_parent_imports_nothing_large() -> None:
    code = "import sys, serving.server.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    large = {"asyncio", "logging", "numpy", "google.protobuf", "tensorflow", "ctypes"}
    assert large.isdisjoint(done.stdout.split())
