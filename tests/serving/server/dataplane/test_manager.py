"""The life of versions, with real models on disk."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from serving.server.dataplane import protos, saved_model
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.model_config import ModelConfig, Policy
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.dataplane.versions import Models, State
from tests.serving import fixture_models


def load(name: str, version: int, path: Path) -> Servable:
    return saved_model.load(path, name=name, version=version)


@pytest.fixture(scope="module")
def plus(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], Path]:
    """Returns a function that puts x/2 + version at a base path, copied from one written once."""
    folder = tmp_path_factory.mktemp("plus")

    def put(base: Path, version: int) -> Path:
        source = folder / str(version)
        if not source.exists():
            fixture_models.write_half_plus(source, plus=float(version))
        return Path(shutil.copytree(source, base / str(version)))

    return put


def answer(models: Models, version: int | None = None) -> float:
    lease = models.lease("m", version)
    try:
        signature = lease.servable.signature("")
        assert signature is not None
        inputs = {"x": np.array([[2.0]], np.float32)}
        return float(lease.servable.run(signature, inputs)["y"][0, 0])
    finally:
        lease.release()


def states(models: Models) -> dict[int, State]:
    return {version.number: version.state for version in models.versions("m")}


def manager(base: Path, **options: object) -> tuple[Models, Manager]:
    models = Models()
    config = ModelConfig("m", base, **options)  # type: ignore[arg-type]
    return models, Manager(models, [config], load, retry_seconds=0.0)


def test_a_new_version_takes_over(tmp_path: Path, plus: Callable[[Path, int], Path]) -> None:
    plus(tmp_path, 1)
    models, keeper = manager(tmp_path)
    keeper.load_all()
    assert answer(models) == 2.0
    plus(tmp_path, 2)
    keeper.sync()
    assert answer(models) == 3.0
    assert states(models) == {1: State.END, 2: State.AVAILABLE}
    with pytest.raises(ServingError, match=r"Specific\(m, 1\)"):
        models.lease("m", 1)


def test_a_broken_version_replaces_nothing(
    tmp_path: Path, plus: Callable[[Path, int], Path]
) -> None:
    plus(tmp_path, 1)
    models, keeper = manager(tmp_path)
    keeper.load_all()
    good = plus(tmp_path, 2)
    variables = good / "variables" / "variables.data-00000-of-00001"
    content = variables.read_bytes()
    variables.write_bytes(content[: len(content) // 2])  # half copied
    keeper.sync()
    assert answer(models) == 2.0
    assert states(models) == {1: State.AVAILABLE, 2: State.END}
    error = models.versions("m")[1].error
    assert error is not None and "does not load as a SavedModel" in error.message
    variables.write_bytes(content)  # the copy is complete
    keeper.sync()
    assert answer(models) == 3.0


def test_a_broken_version_is_not_tried_for_ever(tmp_path: Path) -> None:
    tries = []

    def failing(name: str, version: int, path: Path) -> Servable:
        tries.append(version)
        raise ValueError("always")

    (tmp_path / "1").mkdir()
    keeper = Manager(
        Models(), [ModelConfig("m", tmp_path)], failing, max_retries=2, retry_seconds=0.0
    )
    for _ in range(6):
        keeper.sync()
    assert len(tries) == 3


def test_it_is_known_what_failed_why_and_since_when(
    tmp_path: Path, plus: Callable[[Path, int], Path]
) -> None:
    before = int(time.time())
    plus(tmp_path, 1)
    (plus(tmp_path, 2) / "saved_model.pb").write_bytes(b"no graph")
    models, keeper = manager(tmp_path)
    for _ in range(3):
        keeper.sync()
    (entry,) = [
        one for one in protos.status_response(models.status("m")).model_version_status
        if one.version == 2
    ]  # fmt: skip
    found = re.fullmatch(
        r".* does not load as a SavedModel: .* \(since (.*), tried 3 times\)",
        entry.status.error_message,
    )
    assert found
    since = datetime.fromisoformat(found[1]).timestamp()
    assert before <= since <= time.time()
    line = rf':load_failed_since_seconds{{model_name="m",version="2",code=".*"}} {since:.0f}\n'
    assert re.search(line, Metrics(models=models).text().decode())

    (tmp_path / "2" / "saved_model.pb").write_bytes(
        (tmp_path / "1" / "saved_model.pb").read_bytes()
    )
    keeper.sync()
    assert models.status("m")[0].problem == ""
    assert "load_failed" not in Metrics(models=models).text().decode()


def test_a_folder_that_cannot_be_read_is_no_secret(
    tmp_path: Path, plus: Callable[[Path, int], Path]
) -> None:
    models, keeper = manager(tmp_path / "none")
    keeper.sync()
    with pytest.raises(
        ServingError, match=r"of model m: model m: .*none.* \(since \d{4}-.*Z\)"
    ) as caught:
        models.status("m")
    assert caught.value.code is Code.NOT_FOUND
    plus(tmp_path / "none", 1)
    keeper.sync()
    assert models.status("m")[0].state is State.AVAILABLE


def test_a_moved_link_is_followed(tmp_path: Path, plus: Callable[[Path, int], Path]) -> None:
    for release in (1, 2):
        plus(tmp_path / f"release-{release}" / "m", release)
    current = tmp_path / "current"
    current.symlink_to("release-1")
    models, keeper = manager(current / "m")
    keeper.load_all()
    for release, expected in ((2, 3.0), (1, 2.0)):
        link = tmp_path / "next"
        link.symlink_to(f"release-{release}")
        link.rename(current)
        keeper.sync()
        assert answer(models) == expected
        assert [version.number for version in models.available("m")] == [release]


def test_what_is_served_outlives_its_files(
    tmp_path: Path, plus: Callable[[Path, int], Path]
) -> None:
    base = tmp_path / "base"
    plus(base, 1)
    models, keeper = manager(base)
    keeper.load_all()
    shutil.rmtree(base)
    keeper.sync()
    assert answer(models) == 2.0
    base.mkdir()
    keeper.sync()
    assert answer(models) == 2.0


def test_policies(tmp_path: Path, plus: Callable[[Path, int], Path]) -> None:
    for number in (1, 2, 3):
        plus(tmp_path, number)
    for policy, expected in (
        (Policy(), [3]),
        (Policy(latest=2), [2, 3]),
        (Policy(latest=None), [1, 2, 3]),
        (Policy(specific=(1, 3, 9)), [1, 3]),
    ):
        models, keeper = manager(tmp_path, policy=policy)
        keeper.load_all()
        assert [version.number for version in models.available("m")] == expected
        assert answer(models, expected[0]) == 1.0 + expected[0]


def test_unloading_waits_for_requests(tmp_path: Path, plus: Callable[[Path, int], Path]) -> None:
    plus(tmp_path, 1)
    models, keeper = manager(tmp_path)
    keeper.load_all()
    lease = models.lease("m")
    plus(tmp_path, 2)
    moving = threading.Thread(target=keeper.sync)
    moving.start()
    while answer(models) != 3.0:  # the new version answers while the old one is in use
        time.sleep(0.005)
    assert moving.is_alive()
    signature = lease.servable.signature("")
    assert signature is not None
    inputs = {"x": np.array([[2.0]], np.float32)}
    assert float(lease.servable.run(signature, inputs)["y"][0, 0]) == 2.0
    lease.release()
    moving.join(timeout=120)
    assert states(models)[1] is State.END


def test_nothing_to_serve(tmp_path: Path) -> None:
    _, keeper = manager(tmp_path)
    with pytest.raises(ServingError, match="no versions of model m to serve"):
        keeper.load_all()
    _, keeper = manager(tmp_path / "none")
    with pytest.raises(ServingError, match="is not a directory"):
        keeper.load_all()


def test_models_that_are_no_longer_configured_go(
    tmp_path: Path, plus: Callable[[Path, int], Path]
) -> None:
    plus(tmp_path, 1)
    models, keeper = manager(tmp_path)
    keeper.load_all()
    keeper.configure([])
    assert states(models) == {1: State.END}
