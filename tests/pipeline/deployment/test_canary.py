"""A canary beside a stable version, in a real server."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.agreement.golden import read_golden
from core.errors import GateError, UserError
from pipeline.deployment import canary, model_server, promotion, rollout, servers, supervision
from pipeline.deployment.canary import Limits, Watched
from pipeline.deployment.prune import plan
from pipeline.deployment.rollout import CANARY
from pipeline.deployment.status import status
from pipeline.release import release
from pipeline.release.release import Release
from pipeline.settings.config import Config
from serving import embedded
from serving.client import Client
from serving.server.dataplane.metrics import Metrics
from tests.serving import small_releases

CLOCKS = {"monotonic": time.monotonic, "perf_counter": time.perf_counter}
NO_LIMIT = Limits(faults=1.0, slower=1e9)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Yields a place with releases 1 to 3; release 1 is promoted and served."""
    config = small_releases.place(tmp_path_factory.mktemp("builds"), engine="embedded")
    first = small_releases.assemble(config, seed=1)
    for seed in (2, 3):
        small_releases.assemble(config, seed=seed)
    promotion.promote(config, first)
    servers.serve(config)
    yield config
    servers.stop_all(config)


def answers_with(config: Config, label: str, version: int) -> bool:
    golden = read_golden(config.build.releases / str(version) / "golden.json", config.spec)
    with Client(servers.addresses(config)["REST"], "fashion", label=label) as client:
        return bool(
            np.allclose(client.predict(golden.inputs), golden.outputs["probabilities"], atol=1e-5)
        )


@pytest.mark.deployment
def test_it_stands_beside_the_stable_version_until_it_is_withdrawn(
    served: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = canary.deploy_canary(
        served, release.find(served.build, 2), 0, hold=True, limits=NO_LIMIT
    )
    assert len(rows) == 2 and all(row.status == "passed" for row in rows)
    assert rollout.labels(served) == {"stable": 1, CANARY: 2}
    assert answers_with(served, "stable", 1) and answers_with(served, CANARY, 2)
    found = status(served)
    assert (found.current, found.labels) == (1, {"stable": 1, CANARY: 2})
    assert found.problems == []
    assert plan(served, 1).kept == {1: "current", 2: "deployed as canary", 3: "the newest"}

    # Neither a restart nor a promotion of the current release ends it.
    servers.stop_all(served)
    servers.serve(served)
    promotion.promote(served, release.find(served.build, 1))
    assert "release 2 is kept as canary" in capsys.readouterr().err
    assert answers_with(served, "stable", 1) and answers_with(served, CANARY, 2)

    assert canary.withdraw(served) == 2
    assert rollout.labels(served) == {"stable": 1}
    with pytest.raises(UserError, match="has no canary"):
        canary.withdraw(served)
    assert status(served).labels == {"stable": 1}


@pytest.mark.deployment
def test_what_ends_a_held_canary_is_reported(
    served: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = release.find(served.build, 2)
    file = chosen.folder / "contract.json"
    content = file.read_bytes()
    canary.deploy_canary(served, chosen, 0, hold=True, limits=NO_LIMIT)
    try:
        file.write_bytes(content + b" ")
        servers.serve(served)
    finally:
        file.write_bytes(content)
    said = capsys.readouterr().err
    assert "the canary cannot be kept: " in said and "contract.json" in said
    assert "release 2 is no longer a canary" in said
    assert status(served).labels == {"stable": 1}

    canary.deploy_canary(served, chosen, 0, hold=True, limits=NO_LIMIT)
    promotion.promote(served, release.find(served.build, 3))
    assert "release 2 is no longer a canary" in capsys.readouterr().err
    assert promotion.rollback(served).version == 1


@pytest.mark.deployment
def test_a_slow_one_is_withdrawn(served: Config) -> None:
    strict = Limits(slower=0.0, slack_ms=-1e9)
    with pytest.raises(GateError, match=r"release 2 is withdrawn: a prediction takes .* ms"):
        canary.deploy_canary(served, release.find(served.build, 2), 0, limits=strict)
    assert rollout.labels(served) == {"stable": 1}
    assert status(served).current == 1


@pytest.mark.deployment
@pytest.mark.parametrize("until_it_answers", [True, False])
def test_one_that_ends_the_server_is_withdrawn(
    served: Config, monkeypatch: pytest.MonkeyPatch, until_it_answers: bool
) -> None:
    """Whether a request fails meanwhile, or the server is back before the next one."""
    killed: list[int] = []

    def kill_once(_: float) -> None:
        if killed:
            time.sleep(0.01)
            return
        server = model_server.running(served.build.run_folder)
        assert server
        serving = supervision.serving_process(server)
        assert serving
        killed.append(serving)
        os.kill(serving, signal.SIGKILL)
        if until_it_answers:
            address = model_server.address_of(server)
            deadline = time.monotonic() + 120
            while supervision.serving_process(server) in (None, serving):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            embedded.wait_until_ready(address, "fashion", timeout=120)

    monkeypatch.setattr(canary, "time", SimpleNamespace(sleep=kill_once, **CLOCKS))
    with pytest.raises(GateError, match=r"release 2 is withdrawn: the server restarted .*SIGKILL"):
        canary.deploy_canary(served, release.find(served.build, 2), 0, limits=NO_LIMIT)
    assert len(killed) == 1
    assert rollout.labels(served) == {"stable": 1}
    assert answers_with(served, "stable", 1)


@pytest.mark.deployment
def test_faults_are_a_share_of_the_requests_that_the_server_counts(served: Config) -> None:
    # The limit is below zero, so that the message reports the number of requests.
    with pytest.raises(GateError, match=r"the server failed 0 of [0-9]{3,} requests"):
        canary.deploy_canary(
            served, release.find(served.build, 2), 0, limits=replace(NO_LIMIT, faults=-1.0)
        )
    assert rollout.labels(served) == {"stable": 1}


def test_only_what_the_server_is_to_blame_for_is_a_fault() -> None:
    metrics = Metrics()
    for model, status_name, count in (
        ("fashion", "OK", 90),
        ("fashion", "INTERNAL", 4),
        ("fashion", "RESOURCE_EXHAUSTED", 3),
        ("fashion", "INVALID_ARGUMENT", 2),
        ("penguins", "INTERNAL", 50),
    ):
        metrics.requests.add(model, status_name, count=count)
    assert canary.counted(metrics.text().decode(), "fashion") == (99, 7)


@pytest.mark.deployment
def test_a_good_one_is_promoted(served: Config) -> None:
    canary.deploy_canary(served, release.find(served.build, 2), 1, limits=NO_LIMIT)
    found = status(served)
    assert (found.current, found.labels) == (2, {"stable": 2})
    assert found.rollback == 1
    with pytest.raises(UserError, match="release 2 is already current"):
        canary.deploy_canary(served, release.find(served.build, 2), 0)


@pytest.mark.deployment
def test_one_that_answers_differently_never_gets_a_label(served: Config) -> None:
    stable = release.current_version(served.build)
    wrong = small_releases.assemble(served, seed=4, answers_of=5)
    with pytest.raises(GateError, match="in the running server"):
        canary.deploy_canary(served, wrong, 0)
    assert rollout.labels(served) == {"stable": stable}
    assert status(served).problems == []


@pytest.mark.deployment
def test_a_changed_one_is_refused_before_it_is_loaded(served: Config, tmp_path: Path) -> None:
    chosen = release.find(served.build, 3)
    file = chosen.folder / "serving" / "fashion" / "3" / "saved_model.pb"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(GateError, match=r"serving/fashion/3/saved_model\.pb"):
            canary.deploy_canary(served, Release.open(chosen.folder), 0)
    finally:
        file.write_bytes(content)


def test_the_limits_report_what_was_measured() -> None:
    seen = Watched(seconds=30, requests=1000, faults=0, stable_ms=1.0, canary_ms=1.2, probes=600)
    assert seen.against(Limits()) == ""
    assert "failed 11 of 1000 requests, at most 1% may" in replace(seen, faults=11).against(
        Limits()
    )
    assert replace(seen, faults=10).against(Limits()) == ""
    assert replace(seen, canary_ms=2.9).against(Limits()) == "", "within the slack"
    slow = replace(seen, stable_ms=10.0, canary_ms=16.0).against(Limits())
    assert "16.0 ms and the stable version's 10.0 ms; at most 1.5 times" in slow
    assert replace(seen, requests=0, faults=1).against(Limits())
