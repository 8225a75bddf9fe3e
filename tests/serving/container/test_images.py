"""The images by themselves: as TensorFlow Serving's image is run, and on Kubernetes' objects."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import read_golden
from models.spec import load as load_spec
from pipeline.deployment import release_images
from pipeline.release.release import Release
from pipeline.settings.config import Config
from serving.client import Client
from serving.container.container import Wanted, start
from serving.container.engine import Engine, EngineFailed
from serving.embedded import Address, free_ports, wait_until_ready
from serving.kubernetes.manifest import manifest
from tests.serving import small_releases
from tests.serving.container.engine_here import WORK, engine_with_image

pytestmark = [pytest.mark.container, pytest.mark.timeout(3600)]
BAKED = "localhost/fanout-test-release:1"
# Where an engine's own limits are above the machine's, and crun is refused.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Release:
    config = Config.from_environment("fashion", "default")
    return small_releases.assemble(
        replace(config, builds=tmp_path_factory.mktemp("builds")), seed=1
    )


@pytest.fixture(scope="module")
def baked(small: Release) -> Iterator[Engine]:
    """Yields the engine that holds BAKED, the project's server with the release in it."""
    engine, server = engine_with_image()
    release_images.with_release(engine, server, small, BAKED)
    yield engine
    engine.call("rmi", "--force", BAKED, ignore_failure=True)


def assert_answers(address: Address, small: Release, **which: Any) -> None:
    golden = read_golden(small.folder / "golden.json", load_spec("fashion"))
    for url in (address.rest, address.grpc):
        with Client(url, "fashion", **which) as client:
            answers = client.predict(golden.inputs)
        np.testing.assert_allclose(answers, golden.outputs["probabilities"], atol=1e-5)


def test_the_variables_of_tensorflow_servings_image(small: Release, tmp_path: Path) -> None:
    engine, server = engine_with_image()
    grpc, rest = free_ports(2)
    base_path = small.folder / "serving"
    environment = {"MODEL_NAME": "fashion", "MODEL_BASE_PATH": str(base_path)}
    wanted = Wanted(server, base_path, (), "127.0.0.1", rest, grpc, environment=environment)
    started = start("variables", engine, wanted, tmp_path / "build" / "run", work=WORK)
    try:
        address = Address(rest, grpc)
        assert wait_until_ready(address, "fashion", timeout=600) == [1]
        assert_answers(address, small)
    finally:
        engine.call("rm", "--force", started.id)


def test_the_entry_point_refuses_an_unknown_flag_by_name(baked: Engine, tmp_path: Path) -> None:
    grpc, rest = free_ports(2)
    wanted = Wanted(BAKED, tmp_path, ("--model_nam=x",), "127.0.0.1", rest, grpc)
    started = start("flag", baked, wanted, tmp_path / "build" / "run", work=WORK)
    try:
        deadline = time.monotonic() + 240
        while started.is_alive and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "--model_nam=x" in started.last_words()
    finally:
        baked.call("rm", "--force", started.id)


def test_a_baked_release_runs_as_the_kubernetes_objects_say(
    baked: Engine, small: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if baked.name != "podman":
        pytest.skip("Podman alone runs Kubernetes' objects without a cluster")
    grpc, rest = free_ports(2)
    text = manifest("fashion", BAKED)
    for port, published in ((8500, grpc), (8501, rest)):
        one = f"containerPort: {port}"
        assert one in text
        # On one machine a port is published, and to that machine alone.
        text = text.replace(one, f"{one}, hostPort: {published}, hostIP: 127.0.0.1")
    # Nothing else on this machine may be meant by it.
    text = text.replace("fashion-model-server", f"fanout-test-{rest}")
    file = tmp_path / "kubernetes.yaml"
    file.write_text(text)
    with _played(baked, file, tmp_path, monkeypatch):
        address = Address(rest, grpc)
        assert wait_until_ready(address, "fashion", timeout=600) == [1]
        assert_answers(address, small, label="stable")
        name = f"fanout-test-{rest}-pod-0-model-server"
        (inspected,) = json.loads(baked.call("container", "inspect", name))
        assert inspected["HostConfig"]["ReadonlyRootfs"] is True
        assert inspected["Config"]["User"].startswith("65532")
        assert inspected["EffectiveCaps"] in (None, [])


@contextmanager
def _played(
    engine: Engine, file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    try:
        engine.call("kube", "play", str(file))
    except EngineFailed:
        with suppress(EngineFailed):
            engine.call("kube", "down", str(file))
        configuration = folder / "containers.conf"
        configuration.write_text(CONTAINERS_CONF)
        monkeypatch.setenv("CONTAINERS_CONF", str(configuration))
        engine.call("kube", "play", str(file))
    try:
        yield
    finally:
        engine.call("kube", "down", str(file))
