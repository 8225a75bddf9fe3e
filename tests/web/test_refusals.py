"""A model that TensorFlow.js cannot take leads to failed rows that say why."""

import json
import shutil
from pathlib import Path

import pytest

from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from tests.web.conftest import LABELS, SPEC
from web import target
from web.refusals import refusal
from web.site import build
from web.tools import ConversionError

pytestmark = pytest.mark.browser


def test_the_layer_of_a_loops_body_is_the_one_that_runs_the_loop() -> None:
    running = {"op": "Roll", "name": "add/Roll", "within": "functional_1/lstm/while"}
    said = refusal("no answer within 20 s", running, "wasm")
    assert said.startswith(
        "TensorFlow.js on wasm cannot run Roll of layer 'lstm': no answer within 20 s; "
    )


def unsupported(folder: Path) -> None:
    import keras

    class Inverse(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pictures: object) -> object:
            return keras.ops.inv(keras.ops.squeeze(pictures, 3))

    picture = keras.Input((6, 6, 1), name="image")
    inverted = Inverse(name="inverse")(picture)
    scores = keras.layers.Dense(len(LABELS), "softmax")(keras.layers.Flatten()(inverted))
    model = keras.Model(picture, {"probabilities": scores})
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [keras.InputSpec(shape=(None, 6, 6, 1), dtype="float32", name="image")]
    archive.add_endpoint("serving_default", model, signature)
    archive.write_out(str(folder), verbose=False)


def test_an_operation_that_the_converter_lacks_leads_to_failed_rows(
    tmp_path: Path, golden: Golden
) -> None:
    unsupported(tmp_path / "saved_model")
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    site = target.convert(tmp_path / "saved_model", tmp_path / "web", spec=SPEC, config=config)
    rows = target.check(site, golden, limits=SPEC.limits["web"])
    assert [(row.variant, row.status, row.required) for row in rows] == [
        (variant, "failed", True) for variant in SPEC.limits["web"]
    ]
    assert all("MatrixInverse of layer 'inverse" in row.reason for row in rows)
    # Nothing that looks like a site.
    assert not (site.folder / "index.html").exists()


def with_operation(site: Path, op: str) -> None:
    """Makes the graph's softmax another operation, in a layer."""
    file = site / "model" / "model.json"
    model = json.loads(file.read_text())
    nodes = model["modelTopology"]["node"]
    [softmax] = [node for node in nodes if node["op"] == "Softmax"]
    named = {softmax["name"]: "functional_1/scores/Softmax"}
    softmax["op"] = op
    for node in nodes:
        node["name"] = named.get(node["name"], node["name"])
        node["input"] = [named.get(name, name) for name in node.get("input", [])]
    file.write_text(json.dumps(model))


@pytest.fixture
def copied(site: Artifacts, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site.folder, tmp_path / "site"))


def test_an_operation_without_code_in_node_is_named_with_its_layer(
    copied: Path, tmp_path: Path
) -> None:
    with_operation(copied, "Nonesuch")
    message = r"^TensorFlow.js on cpu cannot run Nonesuch of layer 'scores': running the model in"
    with pytest.raises(ConversionError, match=message):
        build.find_needs(copied, tmp_path / "needs.json")


def test_a_model_that_does_not_end_in_node_is_named_with_its_layer(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_operation(copied, "Softmax")
    # Node.js loads this before TensorFlow.js: a call that writes its file never returns.
    endless = tmp_path / "endless.cjs"
    endless.write_text(
        "const fs = require('node:fs'); const write = fs.writeSync;"
        "fs.writeSync = (file, text, ...more) => { write(file, text, ...more);"
        "  while (String(text).includes('Softmax')); };"
        "require('node:module').syncBuiltinESMExports();"
    )
    monkeypatch.setenv("NODE_OPTIONS", f"--require {endless}")
    monkeypatch.setattr(build, "NEEDS_SECONDS", 10)
    message = r"Softmax of layer 'scores': running the model in Node.js took more than 10 s; "
    with pytest.raises(ConversionError, match=message):
        build.find_needs(copied, tmp_path / "needs.json")
