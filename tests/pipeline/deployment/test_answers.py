"""How ``fanout status`` and a promotion interpret a server's answers, and a silent server."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import FanoutError
from pipeline.deployment import rollout, servers, status
from pipeline.deployment.answers import Answer, ask_server
from serving import embedded
from serving.client.versions import Versions
from tests.serving import fixture_models

pytestmark = pytest.mark.usefixtures("quick_servers")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("half")
    fixture_models.write_half_plus(base / "2")
    return base


@pytest.fixture(scope="module")
def address(base: Path) -> Iterator[str]:
    """Yields the address of a server of ``half``, version 2, which has no label."""
    with embedded.running("half", base) as where:
        yield where.rest


@pytest.fixture
def nobody() -> str:
    return f"http://127.0.0.1:{embedded.free_ports(1)[0]}"


def test_what_a_server_has_loaded(address: str) -> None:
    assert ask_server(address, "half") == Answer((2,), {})


def test_a_label_that_is_not_there_is_a_problem(address: str) -> None:
    found = ask_server(address, "half", ("stable", "canary"))
    assert (found.versions, found.labels) == ((2,), {})
    assert found.problem == (
        f"{address}/v1/models/half: no loaded version has the label stable, canary"
    )


def test_no_version_differs_from_no_answer(address: str, nobody: str) -> None:
    problem = f"{address}/v1/models/no: no version is loaded"
    assert ask_server(address, "no", ("stable",)) == Answer(problem=problem)
    assert "no answer: " in ask_server(nobody, "half").problem


def test_a_server_that_is_silent_has_not_dropped_a_version(
    address: str, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "DRAIN_SECONDS", 0.0)
    rollout._await_only(Versions(address, "half"), {2})
    with pytest.raises(FanoutError, match=r"keeps more than version \[1\] within 0 s$"):
        rollout._await_only(Versions(address, "half"), {1})
    with pytest.raises(FanoutError, match=r"within 0 s: .* got no answer: .*refused"):
        rollout._await_only(Versions(nobody, "half"), {2})


def test_a_deployed_version_that_does_not_load_is_a_problem(address: str, base: Path) -> None:
    (base / "3").mkdir()
    (base / "3" / "saved_model.pb").write_bytes(b"no graph")
    try:
        deadline = time.monotonic() + 120
        while not (answer := ask_server(address, "half")).failed:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        shutil.rmtree(base / "3")
    assert answer.versions == (2,)
    assert list(answer.failed) == [3]
    assert re.search(r"does not load as a SavedModel: .* \(since .*Z, tried", answer.failed[3])
    problems = status._wrong({servers.SERVER: answer}, 2, {"stable": 2, "canary": 3})
    assert f"release 3 does not load: {answer.failed[3]}" in problems
    assert status._wrong({servers.SERVER: answer}, 2, {"stable": 2}) == []
