"""The report of ``make reproducible`` on two releases."""

import json
import shutil
from pathlib import Path

import pytest

from tests.programs.reproducible import MEASURED, Row, compare, main
from tests.serving import small_releases


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two releases of the same SavedModel that were made and measured at different times."""
    config = small_releases.place(tmp_path, engine="embedded")
    first = small_releases.assemble(config, seed=1).folder
    second = tmp_path / "second"
    shutil.copytree(first, second)
    for name in ("manifest.json", "web/released.json"):
        described = json.loads((second / name).read_text())
        described["created"] = "2001-02-03T04:05:06Z"
        described["checks"][0] |= {"p50_ms": 12.5, "peak_mib": 40.0}
        (second / name).write_text(json.dumps(described))
    return first, second


def test_times_may_differ_and_are_named(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compare(*two)
    assert found.is_reproducible
    assert found.of("differs as expected") == [
        Row("manifest.json", "differs as expected", MEASURED),
        Row("web/released.json", "differs as expected", MEASURED),
    ]
    assert len(found.of("same")) == len(found.rows) - 2 > 10
    monkeypatch.setattr("sys.argv", ["reproducible", *map(str, two)])
    assert main() == 0
    assert f"web/released.json  differs as expected: {MEASURED}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("serving/fashion/1/saved_model.pb", "the same was expected"),
        ("web/index.html", "only the first has it"),
        ("extra", "only the second has it"),
        ("manifest.json", f"{MEASURED}, but fingerprint must not differ"),
        ("SHA256SUMS", "has the checksums of the others, but more must not differ"),
    ],
)
def test_all_else_must_not_differ(
    two: tuple[Path, Path],
    name: str,
    reason: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = two[1] / name
    if reason.startswith("only the first"):
        file.unlink()
    elif name == "manifest.json":
        file.write_text(json.dumps({**json.loads(file.read_text()), "fingerprint": "sha256:2"}))
    else:
        line = b"0  more\n" if name == "SHA256SUMS" else b"\n"
        file.write_bytes(file.read_bytes() + line if file.is_file() else b"")
    assert compare(*two).of("differs") == [Row(name, "differs", reason)]
    monkeypatch.setattr("sys.argv", ["reproducible", *map(str, two)])
    assert main() == 1
    assert f"{name}" in capsys.readouterr().out
