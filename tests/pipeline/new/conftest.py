import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import models


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of the package ``models``: Python can import what is written there."""
    folder = tmp_path / "models"
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(folder)])
    yield folder
    for name in [name for name in sys.modules if name.startswith("models.mine")]:
        del sys.modules[name]
