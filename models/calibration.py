"""Calibration examples: real training inputs that set the ranges of int8 activations."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.arrays import Array
from core.errors import DataError
from models.examples import plain
from models.roles.table import heads
from models.spec import ModelSpec

if TYPE_CHECKING:
    import tensorflow as tf

COUNT = 300
SEED = 7
_BATCH = 1000


def calibration_inputs(
    spec: ModelSpec, folder: Path, *, count: int = COUNT, seed: int = SEED
) -> dict[str, Array]:
    """Returns raw inputs of ``count`` training examples, balanced across classes where possible.

    There are two passes. The first reads only the labels; the second decodes only the chosen
    examples. A large training split therefore costs no more than reading it.

    Args:
        folder: holds the training split's gzip TFRecord files.
        seed: the same seed and files give the same examples in the same order.

    Raises:
        DataError: there are no examples.
    """
    import tensorflow as tf

    files = sorted(str(file) for file in folder.glob("*") if file.is_file())
    size = spec.batch(_BATCH)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(size)
    features = spec.module("features")
    head = next((head for head in heads(spec.outputs) if head.label_key), None)
    if head:
        label = {head.label_key: features.FEATURES[head.label_key]}
        truth = [tf.io.parse_example(batch, label)[head.label_key].numpy() for batch in records]
        labels = [head.groups(np.concatenate(truth))] if truth else []
    else:
        labels = [np.zeros(len(batch), np.int64) for batch in records]
    if not labels:
        raise DataError(f"no training example to calibrate with in {folder}")
    # Ranges of large examples have many values each: a few batches of them are enough.
    chosen = balanced(np.concatenate(labels), min(count, spec.batch(count) * 2), seed)
    parsed = tf.io.parse_example(
        tf.concat(list(_rows(records, chosen, size)), 0), features.FEATURES
    )
    inputs = features.raw_inputs(parsed)
    return {tensor.name: plain(inputs[tensor.name].numpy()) for tensor in spec.inputs}


def balanced(labels: Array, count: int, seed: int) -> Array:
    """Returns the sorted positions of ``count`` examples, taken from each class in turn."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    # An example's turn: how many examples of its class come before it in the shuffled order.
    turn = np.empty(len(labels), dtype=np.int64)
    for value in np.unique(labels):
        rows = shuffled[labels[shuffled] == value]
        turn[rows] = np.arange(len(rows))
    order: Array = shuffled[np.argsort(turn[shuffled], kind="stable")]
    return np.sort(order[:count])


def _rows(records: "tf.data.Dataset", chosen: Array, size: int) -> Iterator[Any]:
    import tensorflow as tf

    for start, batch in zip(range(0, int(chosen[-1]) + 1, size), records, strict=False):
        in_batch = chosen[(chosen >= start) & (chosen < start + size)]
        if len(in_batch):
            yield tf.gather(batch, in_batch - start)
