"""A model of texts and numbers, with a lookup table: its graph only runs asynchronously."""

from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import ConvertConfig
from models.spec import Limits, ModelSpec, Tensor
from tests.golden import classes_golden
from web import target
from web.checks import engines
from web.checks.smoke import smoke
from web.server.site_server import serving

pytestmark = pytest.mark.browser

LIMITS = Limits(agreement=0.9999, max_diff=1e-4)
SPEC = ModelSpec(
    name="birds",
    title="Birds",
    description="Says which bird it is.",
    inputs=(
        Tensor("island", "string", (), "Where it lives."),
        Tensor("mass_g", "float32", (), "Body mass in grams.", 0.0, 9000.0),
        Tensor("bill_mm", "float32", (2,), "Length and depth of its bill.", 0.0, 100.0),
    ),
    outputs=(Tensor("probabilities", "float32", (3,), "One a label.", 0.0, 1.0),),
    labels=("Adelie", "Chinstrap", "Gentoo"),
    profiles={},
    limits={"web": {"float32": LIMITS}},
    golden_examples=4,
)


def export(folder: Path) -> None:
    import tensorflow as tf

    class Birds(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            random = np.random.default_rng(1)
            islands = ["Biscoe", "Dream", "Torgersen"]
            keys = tf.lookup.KeyValueTensorInitializer(islands, tf.range(3, dtype=tf.int64))
            self.table = tf.lookup.StaticHashTable(keys, default_value=-1)
            self.islands = tf.Variable(random.normal(size=(4, 3)).astype(np.float32))
            self.kernel = tf.Variable(random.normal(size=(3, 3)).astype(np.float32))

        @tf.function(
            input_signature=[
                tf.TensorSpec((None,), tf.string, name="island"),
                tf.TensorSpec((None,), tf.float32, name="mass_g"),
                tf.TensorSpec((None, 2), tf.float32, name="bill_mm"),
            ]
        )
        def serve(self, island: tf.Tensor, mass_g: tf.Tensor, bill_mm: tf.Tensor) -> object:
            numbers = tf.concat([mass_g[:, None] / 5000.0, bill_mm / 50.0], axis=1)
            place = tf.gather(self.islands, self.table.lookup(island) + 1)
            return {"probabilities": tf.nn.softmax(place + numbers @ self.kernel)}

    module = Birds()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def golden_set(saved_model: Path) -> Golden:
    import tensorflow as tf

    random = np.random.default_rng(2)
    inputs = {
        "island": random.choice(["Biscoe", "Dream", "Torgersen", "Mars"], 24),
        "mass_g": random.uniform(2000, 6000, 24).astype(np.float32),
        "bill_mm": random.uniform(10, 50, (24, 2)).astype(np.float32),
    }
    answer = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    outputs = answer(**{name: tf.constant(rows) for name, rows in inputs.items()})
    probabilities = outputs["probabilities"].numpy()
    return classes_golden(inputs, probabilities.argmax(axis=1), probabilities)


def test_texts_numbers_and_tables_run_in_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "saved_model")
    golden = golden_set(tmp_path / "saved_model")
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    site = target.convert(tmp_path / "saved_model", tmp_path / "web", spec=SPEC, config=config)
    monkeypatch.setattr(engines, "BACKENDS", ("wasm",))
    [row] = target.check(site, golden, limits=SPEC.limits["web"])
    assert row.status == "passed", row.reason
    assert row.examples == 24 and row.agreement == 1.0
    with serving(site.folder) as url:
        [row] = smoke(url, site.folder / "golden.json", spec=SPEC, limits=LIMITS)
    assert row.status == "passed", row.reason
