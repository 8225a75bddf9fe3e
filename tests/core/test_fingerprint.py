from pathlib import Path

import pytest

from core import fingerprint
from pipeline.settings.config import Config
from pipeline.stages import fingerprints


def test_the_closure_follows_imports_inside_functions() -> None:
    reached = fingerprint.closure("pipeline.training.trainer")
    assert {"pipeline.training.export", "models.examples", "core.agreement.golden"} <= reached
    assert not any(module.startswith(("serving", "web", "mobile")) for module in reached)


def test_a_changed_import_changes_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text("from models import b\n")
    (package / "b.py").write_text("X = 1\n")
    (package / "c.py").write_text("X = 1\n")
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    fingerprint._imports.cache_clear()
    before = fingerprint.of_modules("models.a"), fingerprint.of_modules("models.c")
    (package / "b.py").write_text("X = 2\n")
    after = fingerprint.of_modules("models.a"), fingerprint.of_modules("models.c")
    fingerprint._imports.cache_clear()
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_settings_reach_only_what_they_concern() -> None:
    default = fingerprints.Fingerprints.of(Config.from_environment("fashion", "default"))
    quick = fingerprints.Fingerprints.of(Config.from_environment("fashion", "quick"))
    assert default.whole() != quick.whole()
    assert default.trainer != quick.trainer
    assert default.convert == quick.convert
    assert default.transform == quick.transform
