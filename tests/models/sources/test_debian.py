from pathlib import Path

import pytest

from models.sources import debian


def test_both_formats_of_sources_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "etc/apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "sources.list").write_text("# old\ndeb [arch=amd64] http://one.test/ubuntu jammy main\n")
    (apt / "sources.list.d/debian.sources").write_text(
        "Types: deb\nURIs: http://two.test/debian-security http://two.test/debian/\nSuites: x\n"
    )
    monkeypatch.setattr(debian, "APT", apt)
    assert debian._mirror(debian.Distribution("ubuntu", "jammy")) == "http://one.test/ubuntu"
    assert debian._mirror(debian.Distribution("debian", "bookworm")) == "http://two.test/debian/"


def test_a_missing_mirror_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "APT", tmp_path)
    with pytest.raises(debian.PackageError, match="no mirror of debian"):
        debian._mirror(debian.Distribution("debian", "bookworm"))
