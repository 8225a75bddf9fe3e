"""The programs in Go; each is built once."""

from pathlib import Path

import pytest

from tests.serving.interop import go_programs


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for programs, where there is Go."""
    if reason := go_programs.missing():
        pytest.skip(reason)
    return tmp_path_factory.mktemp("go")


@pytest.fixture(scope="session")
def client(built: Path) -> Path:
    """The client in main.go."""
    return go_programs.build(go_programs.CLIENT, built / "client")


@pytest.fixture(scope="session")
def h2spec(built: Path) -> Path:
    return go_programs.build(go_programs.H2SPEC, built / "h2spec")
