"""Models and servers that the serving tests share; each is made once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving import embedded
from serving.embedded import Address
from serving.server.dataplane import saved_model
from serving.server.dataplane.versions import Lease, Models, State, Version
from tests.serving import fixture_models, shape_models
from tests.serving.forked import Forks


@pytest.fixture(scope="module", autouse=True)
def quickly(quick_servers: None) -> None:
    """No module here needs a server that imports TensorFlow itself, unless it is supervised."""


@pytest.fixture(scope="session")
def half_plus_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("half_plus_two")
    fixture_models.write_half_plus(base / "00000123")
    return base


@pytest.fixture(scope="session")
def types_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("types")
    fixture_models.write_types(base / "1")
    return base


@pytest.fixture(scope="session")
def promises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("promises")
    shape_models.write(base / "1")
    return base


@pytest.fixture(scope="session")
def weights() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(16, 3))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory, weights: np.ndarray) -> Path:
    return fixture_models.write_classifier(
        tmp_path_factory.mktemp("classifier") / "saved_model", weights=weights
    )


@pytest.fixture(scope="session")
def models(half_plus_two: Path, types_model: Path) -> Models:
    """Both models loaded in this process: ``half`` in version 123, ``types`` in version 1."""
    loaded = Models()
    for name, version, path in (
        ("half", 123, half_plus_two / "00000123"),
        ("types", 1, types_model / "1"),
    ):
        servable = saved_model.load(path, name=name, version=version)
        loaded.set(name, Version(version, State.AVAILABLE, lease=Lease(servable)))
    loaded.set_labels("half", {"stable": 123})
    return loaded


@pytest.fixture(scope="session")
def server(half_plus_two: Path, forks: Forks) -> Iterator[Address]:
    """A real server of the model ``half`` in a process of its own."""
    with forks.in_use(), embedded.running("half", half_plus_two) as address:
        yield address
