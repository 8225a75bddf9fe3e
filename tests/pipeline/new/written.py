"""Takes a model's folder that ``fanout new`` wrote through the pipeline, without TFX."""

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.agreement.checks import Check
from core.agreement.golden import Golden, golden_set
from core.agreement.target import ConvertConfig
from models import examples
from models.spec import ModelSpec
from pipeline.stages import fan_out
from pipeline.training.export import export
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit

EXAMPLES = 20


def spec_of(folder: Path) -> ModelSpec:
    """Returns the spec in a folder of the package ``models``."""
    importlib.invalidate_caches()
    spec: ModelSpec = importlib.import_module(f"models.{folder.name}.spec").SPEC
    return spec


def only_float32(spec: ModelSpec) -> ModelSpec:
    """Returns the spec with no other form of the weights."""
    return replace(
        spec,
        limits={target: {"float32": limits["float32"]} for target, limits in spec.limits.items()},
    )


def converted(
    spec: ModelSpec, folder: Path, targets: Sequence[str] = ("mobile",)
) -> tuple[Golden, list[Check]]:
    """Returns the exported model's golden set, and the rows of the targets."""
    import tensorflow as tf

    for split in ("train", "test"):
        data = spec.module("data").examples(folder, split, EXAMPLES)
        assert examples.write(data, folder / split / f"{split}.tfrecord") == EXAMPLES
    # As ExampleGen leaves them, which calibration reads.
    zipped = folder / "examples" / "data_tfrecord-00000-of-00001.gz"
    zipped.parent.mkdir()
    with tf.io.TFRecordWriter(str(zipped), "GZIP") as writer:
        for record in tf.data.TFRecordDataset(str(folder / "train" / "train.tfrecord")):
            writer.write(record.numpy())
    journal = Journal(folder, 0)
    trained = fit(spec, {"epochs": 0}, train="", evaluation="", statistics={}, journal=journal)
    export(trained.model, spec, folder / "exported")
    golden = golden_set(folder / "exported", spec, str(folder / "test" / "*"))
    golden.save(folder / "golden")
    config = ConvertConfig(zipped.parent, folder / "golden")
    rows = []
    for target in targets:
        place = folder / target
        fan_out.convert(target, folder / "exported", place, spec=spec, config=config)
        rows += fan_out.check(target, place, golden, spec=spec)
    return golden, rows


def failed(rows: Sequence[Check]) -> list[tuple[tuple[str, str, str], str]]:
    """Returns the key and the reason of each row that has not passed."""
    return [(row.key, row.reason) for row in rows if row.status != "passed"]
