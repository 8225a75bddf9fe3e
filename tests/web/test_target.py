import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.golden import Golden
from pipeline.target import Artifacts, ConvertConfig
from tests.web.conftest import LABELS, SPEC
from web import browser_check, target
from web import convert as tools
from web.convert import ConversionError

LIMITS = SPEC.limits["web"]


@pytest.fixture
def copied(site: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    """A site to damage, checked on one backend alone."""
    shutil.copytree(site.folder, tmp_path / "web")
    monkeypatch.setattr(browser_check, "BACKENDS", ("wasm",))
    return target.artifacts(tmp_path / "web", spec=SPEC)


def test_the_site_holds_page_model_contract_and_samples(site: Artifacts) -> None:
    contract = json.loads((site.folder / "contract.json").read_text())
    assert contract["labels"] == list(LABELS)
    samples = json.loads((site.folder / "golden.json").read_text())["examples"]
    assert [sample["label"] for sample in samples] == [0, 1, 2, 0, 1, 2]
    assert (site.folder / "index.html").is_file()
    assert (site.folder / "model" / "model.json").is_file()
    assert site.size("float32") > 0


def test_the_page_works_under_any_prefix(site: Artifacts) -> None:
    html = (site.folder / "index.html").read_text()
    assert 'src="./assets/' in html
    assert '="/' not in html


def test_every_backend_agrees_with_the_saved_model(site: Artifacts, golden: Golden) -> None:
    rows = target.check(site, golden, limits=LIMITS)
    assert [row.status for row in rows] == ["passed"] * 3, rows
    assert [row.runtime.split(" (Chromium ")[0] for row in rows] == [
        f"TensorFlow.js 4.22.0 {backend}" for backend in ("wasm", "cpu", "webgl")
    ]
    for row in rows:
        assert row.examples == len(golden) and row.agreement == 1.0 and row.accuracy == 1.0
        assert row.max_abs_diff is not None and row.max_abs_diff < 1e-5
        assert row.p50_ms is not None and row.p50_ms > 0


def test_wrong_weights_are_caught(copied: Artifacts, golden: Golden) -> None:
    [group] = json.loads((copied.folder / "model" / "model.json").read_text())["weightsManifest"]
    [shard] = (copied.folder / "model" / path for path in group["paths"])
    data, offset = bytearray(shard.read_bytes()), 0
    for weight in group["weights"]:
        end = offset + 4 * int(np.prod(weight["shape"], dtype=int))
        if weight["dtype"] == "float32":
            data[offset:end] = bytes(end - offset)
        offset = end
    shard.write_bytes(data)
    [row] = target.check(copied, golden, limits=LIMITS)
    assert row.status == "failed" and row.stops_release
    assert "difference" in row.reason


def test_missing_weights_are_a_failed_row(copied: Artifacts, golden: Golden) -> None:
    [shard] = (copied.folder / "model").glob("*.bin")
    shard.unlink()
    [row] = target.check(copied, golden, limits=LIMITS)
    assert row.status == "failed"
    assert "group1-shard1of1.bin is missing: the server answered 404" in row.reason


def test_a_missing_kernel_and_an_unused_one_fail_the_row(
    copied: Artifacts, golden: Golden, tmp_path: Path
) -> None:
    tools.find_needs(copied.folder, tmp_path / "needs.json")
    needs = json.loads((tmp_path / "needs.json").read_text())
    assert "Softmax" in needs["kernels"] and "Softmax" in needs["operations"]
    rows = []
    for kernels in ({*needs["kernels"]} - {"Softmax"}, {*needs["kernels"]} | {"Tanh"}):
        changed = tmp_path / "changed.json"
        changed.write_text(json.dumps({**needs, "kernels": sorted(kernels)}))
        tools.build(copied.folder, changed)
        rows += target.check(copied, golden, limits=LIMITS)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert "Softmax" in rows[0].reason and "not registered" in rows[0].reason
    assert rows[1].reason == "kernels that the model does not use: Tanh"


def test_compressed_copies_stand_beside_the_files(site: Artifacts) -> None:
    names = {file.name for file in site.folder.rglob("*") if file.is_file()}
    assert {"index.html.br", "index.html.gz", "model.json.br"} <= names
    # A release writes its version into these.
    assert not {"contract.json.br", "golden.json.gz"} & names


def test_a_request_to_another_origin_fails_the_row(copied: Artifacts, golden: Golden) -> None:
    build = json.loads((copied.folder / "build.json").read_text())
    runner = copied.folder / build["src/runner.ts"]["file"]
    runner.write_text(runner.read_text() + "\nnew Image().src = 'http://127.0.0.2:9/';\n")
    [row] = target.check(copied, golden, limits=LIMITS)
    assert row.status == "failed" and row.agreement == 1.0
    assert "127.0.0.2" in row.reason


def test_a_missing_browser_is_a_failed_row(
    copied: Artifacts, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANOUT_CHROME", "/nonexistent/chrome")
    [row] = target.check(copied, golden, limits=LIMITS)
    assert row.status == "failed" and row.required
    assert row.reason == "no browser: FANOUT_CHROME names /nonexistent/chrome, which is not there"


def test_a_browser_that_does_not_start_is_a_failed_row(
    copied: Artifacts, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANOUT_CHROME", "/bin/false")
    [row] = target.check(copied, golden, limits=LIMITS)
    assert row.status == "failed"
    assert "/bin/false does not start" in row.reason


def test_a_missing_site_is_a_failed_row(golden: Golden, tmp_path: Path) -> None:
    rows = target.check(target.artifacts(tmp_path / "x", spec=SPEC), golden, limits=LIMITS)
    assert {row.status for row in rows} == {"failed"}
    assert "is not a directory" in rows[0].reason


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path, golden: Golden) -> None:
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    with pytest.raises(ConversionError, match=r"is no SavedModel: it holds no saved_model\.pb"):
        target.convert(tmp_path, tmp_path / "out", spec=SPEC, config=config)
