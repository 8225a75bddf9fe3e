"""Fixtures: a release's training statistics of small drawn pictures, and request logs of them."""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.agreement.golden import Golden
from core.arrays import Array
from models import examples
from models.spec import ModelSpec, load
from pipeline.monitor.baseline import FOLDER, write_baseline
from pipeline.release.release import Release
from pipeline.settings.config import Config
from tests.golden import classes_golden

COUNT = 600


def pictures(count: int, seed: int) -> tuple[Array, Array]:
    """Returns pictures of bright bars on black, wider with each class, and their classes."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 10, count)
    bars = np.arange(28) < (6 + labels + chance.integers(0, 3, count))[:, None]
    grey = chance.integers(150, 256, (count, 28, 28)) * bars[:, None, :]
    return grey.astype(np.float32)[..., None], labels


def answers(labels: Array, seed: int = 1) -> Array:
    """Returns a good model's probabilities."""
    sure = np.random.default_rng(seed).uniform(0.5, 0.99, len(labels))
    outputs = np.repeat(((1 - sure) / 9)[:, None], 10, axis=1)
    outputs[np.arange(len(labels)), labels] = sure
    return outputs.astype(np.float32)


def png(picture: Array, scale: int = 1) -> bytes:
    """Returns the PNG file of a picture, enlarged by ``scale``."""
    pixels = np.kron(picture[..., 0], np.ones((scale, scale))).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return load("fashion")


@pytest.fixture(scope="session")
def golden() -> Golden:
    shown, labels = pictures(COUNT, seed=1)
    return classes_golden({"image": shown}, labels, answers(labels), named=load("fashion").labels)


@pytest.fixture(scope="session")
def released(spec: ModelSpec, golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Returns a release that only has the files that monitoring reads."""
    folder = tmp_path_factory.mktemp("releases") / "3"
    pairs = zip(golden.inputs["image"], golden.truths["probabilities"], strict=True)
    rows = ({"image": png(one), "label": int(number)} for one, number in pairs)
    records = folder.parent / "train" / "a.tfrecord"
    examples.write(rows, records)
    write_baseline(folder / FOLDER, spec, str(records), golden)
    manifest = {
        "version": 3, "model": "fashion", "created": "2026-01-02T03:04:05Z", "checks": [],
        "fingerprint": "sha256:1", "files": {}, "metrics": {},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Release(folder, manifest)


@pytest.fixture
def config(tmp_path: Path, released: Release) -> Config:
    config = replace(Config.from_environment("fashion", "quick"), builds=tmp_path / "build")
    config.build.releases.mkdir(parents=True)
    (config.build.releases / "3").symlink_to(released.folder)
    (config.build.releases / "current").symlink_to(released.folder)
    return config


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a log of PredictionLogs, as TensorFlow Serving does."""

    def write(
        requests: Iterable[tuple[str, Any]],
        outputs: Sequence[Array] | None = None,
        *,
        name: str = "requests.fashion-20260101T000000.000000Z.tfrecord",
        model: str = "fashion",
        version: int = 3,
    ) -> Path:
        import tensorflow as tf
        from tensorflow_serving.apis import prediction_log_pb2

        file = tmp_path / "log" / name
        file.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(file)) as writer:
            for place, (alias, values) in enumerate(requests):
                log = prediction_log_pb2.PredictionLog()
                log.log_metadata.model_spec.name = model
                log.log_metadata.model_spec.version.value = version
                log.predict_log.request.inputs[alias].CopyFrom(tf.make_tensor_proto(values))
                if outputs is not None:
                    log.predict_log.response.outputs["probabilities"].CopyFrom(
                        tf.make_tensor_proto(outputs[place])
                    )
                writer.write(log.SerializeToString())
        return file

    return write


@pytest.fixture
def of_pictures(write_log: Callable[..., Path]) -> Callable[..., Path]:
    """Returns a function that writes a log of raw pictures, one per request, with answers."""

    def write(shown: Array, labels: Array, **options: Any) -> Path:
        outputs = answers(labels, seed=2)
        requests = (("image", one[None]) for one in shown)
        return write_log(requests, [row[None] for row in outputs], **options)

    return write


@pytest.fixture
def draw() -> Callable[[int, int], tuple[Array, Array]]:
    return pictures


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return png
