"""Promotion and rollback with a real server, as a process."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden, read_golden
from core.errors import GateError
from models.spec import load as load_spec
from pipeline.deployment import model_server, promotion, rollout, servers
from pipeline.deployment.status import status
from pipeline.release import integrity, release
from pipeline.settings.config import Config
from serving.client import Client
from serving.container.models_config import models_config
from serving.server.dataplane import model_config
from tests.programs import soak_releases
from tests.programs.kill_serving import Call, Pair, Served, switch_and_back, switches
from tests.serving import small_releases

SWITCHES = 3


def golden_of(config: Config, version: int) -> Golden:
    return read_golden(config.build.releases / str(version) / "golden.json", load_spec("fashion"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Yields a place with releases 1 and 2; release 1 is promoted and served."""
    config = small_releases.place(tmp_path_factory.mktemp("builds"), engine="embedded")
    first = small_releases.assemble(config, seed=1)
    small_releases.assemble(config, seed=2)
    promotion.promote(config, first)
    servers.serve(config)
    yield config
    servers.stop_all(config)


@pytest.mark.campaign
def test_no_request_fails_and_none_is_answered_by_another_version(served: Config) -> None:
    """A small part of what ``make soak-releases`` does."""
    report = soak_releases.switching(served, SWITCHES, seed=3)
    assert report.problems == [], report.text()
    assert {*report.switches} == {"promote", "rollback"}
    for client, seen in report.answers.items():
        assert min(seen[1], seen[2]) > 5, (client, report.text())
    promotion.promote(served, release.find(served.build, 1))
    assert [path.name for path in (served.build.deployed / "fashion").iterdir()] == ["1"]


@pytest.mark.campaign
def test_everything_keeps_answering_after_a_kill_at_a_switch(
    served: Config, tmp_path: Path
) -> None:
    """A small part of what ``make kill-serving`` does."""
    killed = Served(served, tmp_path / "said")
    try:
        report = switch_and_back(killed, Pair(("promote 2", "rollback"), after=2), some_switches)
    finally:
        killed.close()
    assert report.problems == [], report.text()
    assert killed.points == {"promote 2": 2, "rollback": 2}
    for client, seen in report.answers.items():
        assert min(seen[1], seen[2]) > 5, (client, report.text())


def some_switches(calls: list[Call]) -> list[tuple[str, int]]:
    """Returns the points just before the labels move and before the link to the release moves."""
    before = switches(calls)
    assert len(before) == 4
    return [before[1], before[3]]


@pytest.mark.parametrize("left", [b"", b"model_config_list {\n  config {\n", b"\xff\xfe", None])
def test_a_damaged_file_changes_nothing_that_is_served(served: Config, left: bytes | None) -> None:
    whole = served.build.models_config.read_bytes()
    served.build.models_config.unlink()
    if left is not None:
        served.build.models_config.write_bytes(left)
    await_a_look(served, left)
    found = status(served)
    assert (found.answers["server"], found.deployed) == ([1], {})
    assert any("models.config" in problem for problem in found.problems)
    if left == b"":
        # The server itself reports what it has loaded, so labels move without a gap.
        promotion.promote(served, release.find(served.build, 2))
        assert status(served).labels == {"stable": 2}
        promotion.promote(served, release.find(served.build, 1))
    else:
        servers.serve(served)
    assert served.build.models_config.read_bytes() == whole
    assert status(served).problems == []


def await_a_look(served: Config, left: bytes | None) -> None:
    """Waits until the server has polled its file; it logs this if it could read the file."""
    if left is None or b"\xff" in left:
        time.sleep(3 * float(model_server.POLL_SECONDS))
        return
    words = f"{served.build.models_config}{'' if left else ' is empty'}: "
    log = served.build.run_folder / "server.log"
    deadline = time.monotonic() + 120
    while words not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_version_that_does_not_load_replaces_nothing(served: Config) -> None:
    broken = small_releases.assemble(served, seed=3)
    file = broken.folder / f"serving/fashion/{broken.version}/saved_model.pb"
    try:
        # All checksums agree with the broken file, as if it had been written that way.
        file.write_bytes(b"no graph")
        manifest = {**broken.manifest, "files": {**broken.manifest["files"]}}
        manifest["files"][str(file.relative_to(broken.folder))] = integrity.entry(file)
        (broken.folder / integrity.MANIFEST).write_text(json.dumps(manifest))
        integrity.write_sums(broken.folder, manifest["files"])
        with pytest.raises(GateError, match="does not load version"):
            promotion.promote(served, release.Release.open(broken.folder))
        assert rollout.labels(served) == {"stable": 1}
        assert release.current(served.build).version == 1
        with Client(servers.addresses(served)["REST"], "fashion") as client:
            golden = golden_of(served, 1)
            np.testing.assert_allclose(
                client.predict(golden.inputs), golden.outputs["probabilities"], atol=1e-5
            )
    finally:
        shutil.rmtree(broken.folder)


def test_a_version_that_answers_differently_replaces_nothing(served: Config) -> None:
    wrong = small_releases.assemble(served, seed=4, answers_of=5)
    try:
        with pytest.raises(GateError, match=r"in the running server: agreement 0\."):
            promotion.promote(served, wrong)
        assert rollout.labels(served) == {"stable": 1}
        assert status(served).answers["server"] == [1]
    finally:
        shutil.rmtree(wrong.folder)


def test_two_labels_are_served_side_by_side(served: Config) -> None:
    rest = servers.addresses(served)["REST"]
    rollout.switch(served, {"stable": 1, "canary": 2})
    try:
        for label, version in (("stable", 1), ("canary", 2)):
            with Client(rest, "fashion", label=label) as client:
                golden = golden_of(served, version)
                np.testing.assert_allclose(
                    client.predict(golden.inputs), golden.outputs["probabilities"], atol=1e-5
                )
    finally:
        rollout.switch(served, {"stable": 1})
    assert status(served).answers["server"] == [1]


def test_serving_again_fixes_a_promotion_that_was_cut_short(served: Config) -> None:
    rollout.switch(served, {"stable": 2})
    found = status(served)
    assert (found.current, found.labels) == (1, {"stable": 2})
    assert any("run: fanout serve" in problem for problem in found.problems)
    servers.serve(served)
    found = status(served)
    assert (found.labels, found.problems) == ({"stable": 1}, [])


def test_the_file_says_what_was_asked_for() -> None:
    text = models_config('a"b', Path("/m"), {"stable": 3, "canary": 5}, also=[2])
    (parsed,) = model_config.parse(text)
    assert parsed.name == 'a"b'
    assert parsed.base_path == Path('/m/a"b')
    assert parsed.policy.specific == (2, 3, 5)
    assert parsed.labels == {"stable": 3, "canary": 5}
