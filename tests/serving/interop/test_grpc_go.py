"""Short forms of what ``python -m tests.programs.grpc_go`` does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import grpc_go
from tests.programs.grpc_go import LATE, Target

CALLS = 3000
RATE, DEADLINE_MS, SECONDS = 400, 100, 3


@pytest.fixture(scope="module")
def target(client: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with grpc_go.target(tmp_path_factory.mktemp("grpc_go")) as one:
        yield one


@pytest.mark.parametrize("at_once", grpc_go.AT_ONCE)
def test_many_calls_on_one_connection(client: Path, target: Target, at_once: int) -> None:
    found = target.many(client, CALLS, at_once)
    assert found.problems == []
    assert [(row.calls, row.ok) for row in found.rows] == [(CALLS, CALLS)]
    assert found.connections == 1


def test_deadlines_that_pass_beside_healthy_calls(client: Path, target: Target) -> None:
    found = target.deadlines(client, RATE, DEADLINE_MS, SECONDS)
    assert found.problems == []
    late, healthy = found.rows
    assert {status: count for status, (count, _) in late.failed.items()} == {LATE: RATE * SECONDS}
    assert healthy.calls == healthy.ok > 0
    assert found.connections == 1


def test_failures_are_reported(client: Path, target: Target) -> None:
    found = target.many(client, 5, 2, method="/tensorflow.serving.PredictionService/Nothing")
    (problem,) = found.problems
    assert problem.startswith("5 calls, 2 at a time: UNIMPLEMENTED for 5 of 5 calls; first message")
