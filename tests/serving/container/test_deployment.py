"""A deployment in a real container: isolation, both protocols, promotion and rollback inside."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden, read_golden
from core.toolchain import ROOT
from models.spec import load as load_spec
from pipeline.deployment import model_server, processes, promotion, servers
from pipeline.deployment.status import status
from pipeline.release import release
from pipeline.settings.config import Config
from serving.client import Client
from serving.container import engine as engines
from serving.container.container import LABEL, Container
from serving.server.rest.reading import LARGE_BYTES
from serving.smoke import smoke
from tests.programs import load
from tests.serving import small_releases
from tests.serving.container.engine_here import engine_with_image

pytestmark = [
    pytest.mark.container,
    pytest.mark.timeout(3600),
]  # the image is built here when it has to be
FANOUT = ROOT / ".venv" / "bin" / "fanout"
EXACT = load_spec("fashion").limits["serving"]["float32"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Yields a place with releases 1 and 2; release 1 is served in a container."""
    engine, _ = engine_with_image()
    config = small_releases.place(tmp_path_factory.mktemp("builds"), engine=engine.name)
    promotion.promote(config, small_releases.assemble(config, seed=1))
    small_releases.assemble(config, seed=2)
    servers.serve(config)
    yield config
    servers.stop_all(config)


@pytest.fixture
def container(served: Config) -> Container:
    found = model_server.running(served.build.run_folder)
    assert isinstance(found, Container)
    return found


def golden_of(config: Config, version: int) -> Golden:
    return read_golden(config.build.releases / str(version) / "golden.json", load_spec("fashion"))


def rows(config: Config) -> list[Any]:
    where = {name: servers.addresses(config)[name] for name in ("REST", "gRPC")}
    promoted = release.current(config.build)
    assert promoted is not None
    return smoke(where, "fashion", golden_of(config, promoted.version), limits=EXACT)


def test_rest_and_grpc_answer_as_the_saved_model(served: Config) -> None:
    found = rows(served)
    assert [row.status for row in found] == ["passed", "passed"], [row.reason for row in found]
    assert all(row.examples == 16 for row in found)


def test_large_requests_are_read_inside(served: Config) -> None:
    """The converter runs on a read-only file system, as a user without rights."""
    golden = golden_of(served, 1)
    (name,) = golden.inputs
    images = np.concatenate([golden.inputs[name]] * 8)
    where = servers.addresses(served)
    answers = []
    for address in (where["REST"], where["gRPC"]):
        with Client(address, "fashion") as client:
            answers.append(client.predict(images))
    assert len(json.dumps(images.tolist())) > LARGE_BYTES
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5)


def test_it_is_locked_down(served: Config, container: Container) -> None:
    engine = engines.find(container.engine)
    (inspected,) = json.loads(engine.call("container", "inspect", container.id))
    host = inspected["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert inspected["Config"]["User"] == "65532:65532"
    assert host["PidsLimit"] == 512
    assert host["Memory"] == 2 << 30
    addresses = [one["HostIp"] for ports in host["PortBindings"].values() for one in ports]
    assert addresses == ["127.0.0.1", "127.0.0.1"]
    # What the kernel says inside: no capability, no way to gain one, nothing to write to.
    code = f"""
import os, json
lines = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines() if ":" in l)
writable = [p for p in ("/", "/opt/server", "/models", "/etc", {str(served.build.deployed)!r})
            if os.access(p, os.W_OK)]
print(json.dumps([os.getuid(), lines["CapEff"].strip(), lines["CapBnd"].strip(),
                  lines["NoNewPrivs"].strip(), writable]))
"""
    said = engine.call("exec", container.id, "python3.11", "-c", code)
    assert json.loads(said) == [65532, "0" * 16, "0" * 16, "1", []]


def test_its_health_check_passes(container: Container) -> None:
    engine = engines.find(container.engine)
    said = engine.call("exec", container.id, "python3.11", "-m", "serving.container.health")
    assert said == "SERVING"
    with pytest.raises(engines.EngineFailed, match="UNAVAILABLE"):
        engine.call(
            *("exec", "--env=HEALTH_ADDRESS=127.0.0.1:9", container.id),
            *("python3.11", "-m", "serving.container.health"),
        )
    form = "{{json .Config.Healthcheck.Test}}"
    declared = json.loads(engine.call("image", "inspect", f"--format={form}", container.image))
    assert declared[-1] == "serving.container.health"


def test_promotion_and_rollback_are_seen_inside_and_no_request_fails(served: Config) -> None:
    rest = servers.addresses(served)["REST"]
    image = golden_of(served, 1).inputs["image"][:1]
    with load.running(rest, "fashion", image) as seen:
        promotion.promote(served, release.find(served.build, 2))
        assert status(served).answers["server"] == [2]
        assert [row.status for row in rows(served)] == ["passed", "passed"]
        assert promotion.rollback(served).version == 1
        assert status(served).answers["server"] == [1]
    assert seen.errors == []
    assert [row.status for row in rows(served)] == ["passed", "passed"]


def test_status_says_what_runs_where(served: Config, container: Container) -> None:
    found = status(served)
    assert found.server == {
        "engine": container.engine,
        "image": container.image,
        "image_id": container.image_id,
        "healthy": True,
        "supervisor": container.pid,
        "restarts": found.server["restarts"],
        "restarted": found.server["restarted"],
    }
    assert found.answers["server"] == [1]
    assert found.running["server"] == processes.twin(container.pid)
    assert container.image_id[:19] in found.to_text()


def test_a_server_that_dies_is_started_again_inside(served: Config, container: Container) -> None:
    before = status(served)
    os.kill(before.running["server"], signal.SIGSEGV)
    deadline = time.monotonic() + 120
    while (found := status(served)).problems or found.running == before.running:
        assert time.monotonic() < deadline, found
    assert found.server["restarts"]["reason"] == "SIGSEGV"
    assert found.server["restarted"] in found.to_text()
    assert found.server["supervisor"] == container.pid
    assert model_server.running(served.build.run_folder) == container


def test_serving_again_starts_no_second_one(served: Config, container: Container) -> None:
    servers.serve(served)
    assert model_server.running(served.build.run_folder) == container
    engine = engines.find(container.engine)
    mine = engine.call(
        "ps", "--all", "--quiet", f"--filter=label={LABEL}={served.build.run_folder}"
    )
    assert len(mine.split()) == 1


def test_another_engine_takes_its_place_and_nothing_is_left(
    served: Config, container: Container
) -> None:
    try:
        servers.serve(replace(served, engine="embedded"))
        assert status(served).server["engine"] == "embedded"
        assert not container.is_alive
    finally:
        servers.serve(served)
    assert status(served).server["engine"] == container.engine


def test_requests_begun_are_answered_when_it_is_told_to_stop(served: Config) -> None:
    container = model_server.running(served.build.run_folder)
    assert isinstance(container, Container)
    engine = engines.find(container.engine)
    golden = golden_of(served, 1)
    images = np.concatenate([golden.inputs["image"]] * 8)
    with (
        Client(servers.addresses(served)["REST"], "fashion", retries=0) as client,
        load.running(servers.addresses(served)["gRPC"], "fashion", images) as seen,
    ):
        assert len(client.predict(images)) == len(images)
        deadline = time.monotonic() + 240
        while not seen.answers and time.monotonic() < deadline:
            time.sleep(0.01)
        engine.call("stop", "--time=15", container.id)
    assert seen.answers
    # Refused is what a client may be; an answer that breaks off is not.
    assert all("UNAVAILABLE" in one or "unreachable" in one for one in seen.errors), seen.errors[:3]
    exit_code = engine.call("container", "inspect", "--format={{.State.ExitCode}}", container.id)
    assert exit_code == "0"
    assert "stopping" in container.last_words()


def asks_the_engine(starter: int) -> bool:
    """Returns whether a process has an engine's client at work that starts a container."""
    children = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
    return any(b"--detach" in command_line(child) for child in children)


def command_line(process: str) -> bytes:
    # A child that was there may have ended.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def within_seconds(what: Callable[[], object], seconds: float = 240) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(found)


def test_what_a_killed_starter_left_is_replaced_or_ended(served: Config) -> None:
    """The last test here: it leaves no server, and starting one takes seconds."""
    servers.stop_all(served)
    starter = subprocess.Popen(
        [FANOUT, "serve"],
        env=small_releases.environment(served),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert within_seconds(lambda: asks_the_engine(starter.pid))
    finally:
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    record = served.build.run_folder / "server-container.json"
    left = Container(**json.loads(record.read_text()))
    engine = engines.find(left.engine)
    assert left.id.startswith("fanout-"), "killed too late: it knew more than the name"
    # Its client goes on without it, and may leave a container that was never started.
    assert within_seconds(lambda: left.is_there)
    servers.serve(served)
    mine = engine.call(
        "ps", "--all", "--quiet", f"--filter=label={LABEL}={served.build.run_folder}"
    )
    assert len(mine.split()) == 1
    assert [row.status for row in rows(served)] == ["passed", "passed"]
    servers.stop_all(served)
    # Another command may look before the client has come so far.
    record.write_text(json.dumps(asdict(left)))
    servers.stop_all(served)
    engine.call("create", f"--name={left.id}", *left.wanted)
    servers.stop_all(served)
    assert (left.is_there, record.exists()) == (False, False)
