"""How ``fanout status`` and a promotion interpret a server's answers, and a silent server."""

from collections.abc import Iterator

import pytest

from core.errors import FanoutError
from pipeline.deployment import rollout
from pipeline.deployment.answers import Answer, ask_server
from serving import embedded
from serving.client.versions import Versions
from tests.serving import fixture_models


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yields the address of a server of ``half``, version 2, which has no label."""
    base = tmp_path_factory.mktemp("half")
    fixture_models.write_half_plus(base / "2")
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
