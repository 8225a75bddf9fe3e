"""Writes a model's data as tf.Example records, and reads them as raw inputs and labels."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.arrays import Array
from models.spec import ModelSpec

if TYPE_CHECKING:
    import tensorflow as tf

# Lists hold floats, and arrays whatever their type says, both in row-major order.
Value = bytes | str | int | float | Sequence[float] | Array | None


def write(examples: Iterable[Mapping[str, Value]], file: Path) -> int:
    """Writes examples to one TFRecord file atomically and returns their number.

    A value of None is left out of its example: that is how tf.Example expresses *missing*.
    """
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    count = 0
    with tf.io.TFRecordWriter(str(partial)) as writer:
        for example in examples:
            writer.write(serialized(example))
            count += 1
    partial.replace(file)
    return count


def serialized(values: Mapping[str, Value]) -> bytes:
    """Returns the bytes of a tf.Example; equal values give equal bytes."""
    # Otherwise the order of a map's entries is random, and equal data would give other bytes.
    content: bytes = _example(values).SerializeToString(deterministic=True)
    return content


def read(spec: ModelSpec, pattern: str, *, batch_size: int = 1000) -> "tf.data.Dataset":
    """Returns a dataset of batches ``(raw inputs by name, true answers)`` in a fixed order.

    The true answers are one tensor for a model with one output, and by the outputs' names for a
    model with several; outputs without true answers have none.

    Args:
        pattern: a glob that matches TFRecord files, plain (``*.tfrecord``) or gzip (any other
            name, as TFX's ExampleGen writes them).
        batch_size: the number of examples that are parsed at once.

    Raises:
        FileNotFoundError: nothing matches the pattern.
    """
    import tensorflow as tf

    features = spec.module("features")

    def parse(serialized: "tf.Tensor") -> tuple[Any, Any]:
        parsed = tf.io.parse_example(serialized, features.FEATURES)
        answers = {name: parsed[key] for name, key in spec.label_keys.items()}
        one = len(spec.outputs) == 1 and answers
        return features.raw_inputs(parsed), answers[spec.outputs[0].name] if one else answers

    return records(pattern).batch(batch_size).map(parse, num_parallel_calls=tf.data.AUTOTUNE)


def count(pattern: str) -> int:
    """Returns the number of records without parsing them. Raises the same error as ``read``."""
    return sum(len(batch) for batch in records(pattern).batch(10_000).as_numpy_iterator())


def records(pattern: str) -> "tf.data.Dataset":
    """Returns serialized tf.Examples in a fixed order. Raises the same error as ``read``."""
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(pattern))
    if not files:
        raise FileNotFoundError(f"no TFRecord files match {pattern}")
    compression = "" if files[0].endswith(".tfrecord") else "GZIP"
    return tf.data.TFRecordDataset(files, compression_type=compression)


def plain(values: Array) -> Array:
    """Returns texts as NumPy strings, which a file stores without pickling; numbers unchanged."""
    return np.char.decode(values.astype(bytes), "utf-8") if values.dtype == object else values


def _example(values: Mapping[str, Value]) -> "tf.train.Example":
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in values.items():
        feature = example.features.feature[name]
        match value:
            case None:
                del example.features.feature[name]
            case bytes():
                feature.bytes_list.value.append(value)
            case str():
                feature.bytes_list.value.append(value.encode())
            case int():
                feature.int64_list.value.append(value)
            case float():
                feature.float_list.value.append(value)
            case np.ndarray() if value.dtype.kind in "iub":
                feature.int64_list.value.extend(np.ravel(value).astype(np.int64))
            case np.ndarray() if value.dtype.kind in "OSU":
                texts = (each if isinstance(each, bytes) else each.encode() for each in value.flat)
                feature.bytes_list.value.extend(texts)
            case _:
                feature.float_list.value.extend(np.ravel(value))
    return example
