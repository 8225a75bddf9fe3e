"""A real SavedModel that learns in a second: ten kinds of bars in pictures of the fashion size."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from core.arrays import Array
from mobile import target
from models.spec import Limits, ModelSpec, load
from pipeline.training.export import export
from tests.golden import classes_golden
from tests.mobile import roles

EXACT = Limits(agreement=0.9999, max_diff=1e-5)
QUANTISED = Limits(agreement=0.97, accuracy_drop=0.005)


@dataclass(frozen=True)
class Sample:
    """A SavedModel, what it answers, and what it was trained on."""

    spec: ModelSpec
    saved_model: Path
    golden: Golden
    config: ConvertConfig

    def with_limits(self, limits: dict[str, Limits]) -> ModelSpec:
        return replace(self.spec, limits={**self.spec.limits, "mobile": limits})


def bars(count: int, seed: int) -> tuple[Array, Array]:
    """Returns noisy float32 pictures (count, 28, 28, 1) with a bar where the class is."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = random.integers(0, 120, (count, 28, 28, 1)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 3 : 2 * label + 6] += 130
    return images, labels.astype(np.int64)


def write_examples(file: Path, images: Array, labels: Array) -> None:
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for image, label in zip(images, labels, strict=True):
            png = tf.io.encode_png(image.astype(np.uint8)).numpy()
            example = tf.train.Example()
            example.features.feature["image"].bytes_list.value.append(png)
            example.features.feature["label"].int64_list.value.append(int(label))
            writer.write(example.SerializeToString())


def network() -> Any:
    """Returns a convolution and a dense layer: what needs the newest operator versions."""
    import keras

    keras.utils.set_random_seed(5)
    image = keras.Input((28, 28, 1), name="image")
    values = keras.layers.Rescaling(1 / 255)(image)
    values = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(values)
    values = keras.layers.Flatten()(values)
    return keras.Model({"image": image}, keras.layers.Dense(10, activation="softmax")(values))


def golden_of(saved_model: Path, images: Array, labels: Array) -> Golden:
    import tensorflow as tf

    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    outputs = signature(image=tf.constant(images))["probabilities"].numpy()
    return classes_golden({"image": images}, labels, outputs)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("mobile")
    spec = load("fashion")
    images, labels = bars(600, seed=1)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit({"image": images}, labels, epochs=8, verbose=0)
    export(model, spec, folder / "saved_model")
    write_examples(folder / "train" / "part-0.gz", images[:400], labels[:400])
    write_examples(folder / "train" / "part-1.gz", images[400:], labels[400:])
    golden = golden_of(folder / "saved_model", *bars(200, seed=2))
    golden.save(folder / "golden")
    config = ConvertConfig(folder / "train", folder / "golden")
    return Sample(spec, folder / "saved_model", golden, config)


@pytest.fixture(scope="session")
def converted(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Every variant of the sample; tests that damage files work on copies."""
    limits = dict.fromkeys(("float32", "float16", "dynamic", "int8", "int8_uint8"), QUANTISED)
    out_dir = tmp_path_factory.mktemp("converted")
    return target.convert(
        sample.saved_model, out_dir, spec=sample.with_limits(limits), config=sample.config
    )


@pytest.fixture(scope="session")
def all_roles(tmp_path_factory: pytest.TempPathFactory) -> roles.Release:
    """A picture in, an answer of every role out."""
    return roles.all_roles(tmp_path_factory.mktemp("all-roles"))


@pytest.fixture(scope="session")
def mixed_inputs(tmp_path_factory: pytest.TempPathFactory) -> roles.Release:
    """An input of every type in, a detection and a regression out."""
    return roles.mixed_inputs(tmp_path_factory.mktemp("mixed-inputs"))
