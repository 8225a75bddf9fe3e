import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mobile.target
from core.agreement import extremes
from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from core.files import sha256
from tests.web.conftest import LABELS, SPEC
from web import target
from web.checks import engines
from web.site import build
from web.tools import ConversionError

LIMITS = SPEC.limits["web"]
SHIPPED = {"float16": LIMITS["float16"]}


@pytest.fixture
def copied(site: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    """A site to damage, checked on one engine alone, with the shipped weights."""
    shutil.copytree(site.folder, tmp_path / "web")
    (tmp_path / "web" / "model" / "tiny.float32.tflite").unlink()
    monkeypatch.setattr(engines, "BACKENDS", ("wasm",))
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


def test_every_engine_agrees_with_the_saved_model(
    site: Artifacts, saved_model: Path, golden: Golden
) -> None:
    both = golden.with_extremes(extremes.of_saved_model(saved_model, SPEC))
    assert both.extremes
    rows = target.check(site, both, limits=LIMITS)
    assert [row.status for row in rows] == ["passed"] * 7, rows
    assert [(row.variant, row.runtime.split(" (Chromium ")[0]) for row in rows] == [
        *(
            (variant, f"TensorFlow.js 4.22.0 {backend}")
            for variant in ("float16", "float32")
            for backend in ("wasm", "cpu", "webgl")
        ),
        ("float32", "LiteRT.js 2.5.3 wasm"),
    ]
    for row in rows:
        assert row.examples == len(golden) and row.agreement == 1.0 and row.accuracy == 1.0
        assert row.max_abs_diff is not None
        assert row.max_abs_diff < (1e-5 if row.variant == "float32" else 1e-2)
        assert row.p50_ms is not None and 0 < row.p50_ms < row.figures["first_ms"]
    # LiteRT.js is the largest by far, the page's default is smaller than with float32 weights.
    sizes = [row.figures["wire_bytes"] for row in rows]
    assert 0 < sizes[0] < sizes[3] < sizes[6] and sizes[6] > 2_500_000


def test_litert_js_runs_the_devices_own_file(
    site: Artifacts, saved_model: Path, golden: Golden, tmp_path: Path
) -> None:
    golden.save(tmp_path / "golden")
    spec = replace(SPEC, limits={"mobile": {"float32": LIMITS["float32"]}})
    config = ConvertConfig(tmp_path / "no-examples", tmp_path / "golden")
    mobile.target.convert(saved_model, tmp_path / "mobile", spec=spec, config=config)
    name = "tiny.float32.tflite"
    assert sha256(site.folder / "model" / name) == sha256(tmp_path / "mobile" / name)


def test_a_part_is_enough_for_what_is_not_the_default(golden: Golden) -> None:
    many = replace(
        golden,
        inputs={"image": np.resize(golden.inputs["image"], (10_000, 6, 6, 1))},
        truths={"probabilities": np.resize(golden.truths["probabilities"], 10_000)},
        outputs={"probabilities": np.resize(golden.outputs["probabilities"], (10_000, 3))},
    )
    nowhere = Artifacts("tiny", Path("/nonexistent"), dict.fromkeys(LIMITS, Path("/nonexistent")))
    runs = engines._runs(nowhere, many, LIMITS)
    assert [len(run.golden) for run in runs] == [10_000, 256, 256, 2_000, 2_000, 2_000]


def test_a_leak_of_tensors_fails_the_row(copied: Artifacts, golden: Golden) -> None:
    [chunk] = (copied.folder / "assets").glob("tensorflow-*.js")
    text, count = re.subn(r"(\}finally\{)\w+\((\w)\)(\}\}finally\{)", r"\1\3", chunk.read_text())
    assert count == 1, "the runner frees its output elsewhere now"
    chunk.write_text(text)
    for copy in chunk.parent.glob(f"{chunk.name}.*"):
        copy.unlink()
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed" and row.agreement == 1.0
    assert "tensors leaked" in row.reason and "bytes leaked" in row.reason


def test_wrong_weights_are_caught(copied: Artifacts, golden: Golden) -> None:
    [group] = json.loads((copied.folder / "model" / "model.json").read_text())["weightsManifest"]
    [shard] = (copied.folder / "model" / path for path in group["paths"])
    data, offset = bytearray(shard.read_bytes()), 0
    for weight in group["weights"]:
        half = "quantization" in weight
        end = offset + (2 if half else 4) * int(np.prod(weight["shape"], dtype=int))
        if half:
            data[offset:end] = bytes(end - offset)
        offset = end
    shard.write_bytes(data)
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed" and row.stops_release
    assert "agreement" in row.reason


def test_missing_weights_are_a_failed_row(copied: Artifacts, golden: Golden) -> None:
    [shard] = (copied.folder / "model").glob("*.bin")
    shard.unlink()
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed"
    assert "group1-shard1of1.bin is missing: the server answered 404" in row.reason


def test_a_missing_kernel_and_an_unused_one_fail_the_row(
    copied: Artifacts, golden: Golden, tmp_path: Path
) -> None:
    build.find_needs(copied.folder, tmp_path / "needs.json")
    needs = json.loads((tmp_path / "needs.json").read_text())
    assert "Softmax" in needs["kernels"] and "Softmax" in needs["operations"]
    simd = needs["wasm"]["tfjs-backend-wasm-simd.wasm"]
    assert "Softmax" in simd["kernels"] and simd["functions"]

    def with_simd(**changed: object) -> dict[str, object]:
        return {"wasm": {**needs["wasm"], "tfjs-backend-wasm-simd.wasm": {**simd, **changed}}}

    rows = []
    for changed in (
        {"kernels": [name for name in needs["kernels"] if name != "Softmax"]},
        {"kernels": [*needs["kernels"], "Tanh"]},
        with_simd(kernels=[name for name in simd["kernels"] if name != "Softmax"]),
        with_simd(kernels=[*simd["kernels"], "Tanh"]),
        with_simd(functions=[]),
    ):
        (tmp_path / "changed.json").write_text(json.dumps({**needs, **changed}))
        build.build(copied.folder, tmp_path / "changed.json")
        rows += target.check(copied, golden, limits=SHIPPED)
    assert [row.status for row in rows] == ["failed"] * 5
    assert "Softmax" in rows[0].reason and "not registered" in rows[0].reason
    assert rows[1].reason == "kernels that the model does not use: Tanh"
    assert "could not be loaded" in rows[2].reason or "undefined" in rows[2].reason
    assert rows[3].reason == "kernels that the model does not use: Tanh.wasm"
    assert "unreachable" in rows[4].reason


def test_compressed_copies_stand_beside_the_files(site: Artifacts) -> None:
    names = {file.name for file in site.folder.rglob("*") if file.is_file()}
    assert {"index.html.br", "index.html.gz", "model.json.br"} <= names
    # A release writes its version into these.
    assert not {"contract.json.br", "golden.json.gz"} & names


def test_a_request_to_another_origin_fails_the_row(copied: Artifacts, golden: Golden) -> None:
    build = json.loads((copied.folder / "build.json").read_text())
    runner = copied.folder / build["src/runner.ts"]["file"]
    runner.write_text(runner.read_text() + "\nnew Image().src = 'http://127.0.0.2:9/';\n")
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed" and row.agreement == 1.0
    assert "127.0.0.2" in row.reason


def test_a_missing_browser_is_a_failed_row(
    copied: Artifacts, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANOUT_CHROME", "/nonexistent/chrome")
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed" and row.required
    assert row.reason == "no browser: FANOUT_CHROME names /nonexistent/chrome, which does not exist"


def test_a_browser_that_does_not_start_is_a_failed_row(
    copied: Artifacts, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANOUT_CHROME", "/bin/false")
    [row] = target.check(copied, golden, limits=SHIPPED)
    assert row.status == "failed"
    assert "/bin/false does not start" in row.reason


def test_a_missing_site_is_a_failed_row(golden: Golden, tmp_path: Path) -> None:
    rows = target.check(target.artifacts(tmp_path / "x", spec=SPEC), golden, limits=LIMITS)
    assert {row.status for row in rows} == {"failed"}
    assert "is not a directory" in rows[0].reason


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path, golden: Golden) -> None:
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    with pytest.raises(ConversionError, match=r"is not a SavedModel: it has no saved_model\.pb"):
        target.convert(tmp_path, tmp_path / "out", spec=SPEC, config=config)
