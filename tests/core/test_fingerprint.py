from pathlib import Path

import pytest

from core import fingerprint


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Yields the folder of the package ``models`` in a separate project."""
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    fingerprint._imports.cache_clear()
    folder = tmp_path / "models"
    folder.mkdir()
    for name, text in (("__init__", ""), ("a", "from models import b\n"), ("b", "X = 1\n")):
        (folder / f"{name}.py").write_text(text)
    yield folder
    fingerprint._imports.cache_clear()


def test_the_closure_follows_imports_inside_functions() -> None:
    reached = fingerprint.closure("pipeline.training.trainer")
    assert {"pipeline.training.export", "models.examples", "pipeline.training.journal"} <= reached
    assert not any(module.startswith(("serving", "web", "mobile")) for module in reached)


def test_a_changed_import_changes_the_digest(package: Path) -> None:
    (package / "c.py").write_text("X = 1\n")
    before = fingerprint.of_modules("models.a"), fingerprint.of_modules("models.c")
    (package / "b.py").write_text("X = 2\n")
    after = fingerprint.of_modules("models.a"), fingerprint.of_modules("models.c")
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_comments_and_docstrings_do_not_change_the_digest(package: Path) -> None:
    before = fingerprint.of_modules("models.a")
    (package / "b.py").write_text('"""Says what it is."""\n\n# And why.\nX = 1\n')
    assert fingerprint.of_modules("models.a") == before


def test_an_import_for_type_checkers_is_not_followed(package: Path) -> None:
    (package / "a.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from models import b\n"
    )
    assert fingerprint.closure("models.a") == {"models", "models.a"}


def test_what_is_left_out_is_not_entered(package: Path) -> None:
    (package / "b.py").write_text("from models import c\n")
    (package / "c.py").write_text("X = 1\n")
    assert fingerprint.closure("models.a", without=["models.b"]) == {"models", "models.a"}
    # A module that is asked for by name still counts.
    assert "models.b" in fingerprint.closure("models.b", without=["models.b"])
