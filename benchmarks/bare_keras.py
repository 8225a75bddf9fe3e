"""A script without a pipeline: load, train, evaluate, export. No gates, no targets.

    .venv/bin/python -m benchmarks.bare_keras MODEL PROFILE TFRECORDS OUT_DIR

It trains the same network on the same examples for the same number of epochs as the pipeline.
``make bench`` compares the pipeline's time with the time of this script.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from core.arrays import Array
from models.examples import read
from models.spec import ModelSpec, load


def main(model_name: str, profile_name: str, tfrecords: Path, out_dir: Path) -> None:
    spec = load(model_name)
    hyperparameters = dict(spec.profile(profile_name).hyperparameters)
    network = spec.module("network")
    keras.utils.set_random_seed(int(hyperparameters["seed"]))
    arrays = {split: _arrays(spec, tfrecords, split) for split in ("train", "eval", "test")}
    inputs, labels = arrays["train"]
    batch_size = int(hyperparameters["batch_size"])
    statistics = {
        f"{name}_{kind}": getattr(values, function)()
        for name, values in inputs.items()
        for kind, function in (("mean", "mean"), ("variance", "var"))
    }
    model = network.build(statistics, hyperparameters)
    network.compile(model, hyperparameters, steps_per_epoch=-(-len(labels) // batch_size))
    seeds = tf.data.Dataset.random(seed=1, rerandomize_each_iteration=True).batch(2)
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels)).shuffle(len(labels))
    batches = tf.data.Dataset.zip((batches.batch(batch_size), seeds)).map(
        lambda batch, seed: (
            network.augment(batch[0], tf.cast(seed % (2**31), tf.int32)),
            batch[1],
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    steps = -(-len(labels) // batch_size)
    model.fit(
        batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4),
        epochs=int(hyperparameters["epochs"]),
        validation_data=tf.data.Dataset.from_tensor_slices(arrays["eval"]).batch(1000),
        shuffle=False,
        verbose=2,
    )
    test = tf.data.Dataset.from_tensor_slices(arrays["test"]).batch(1000)
    print("accuracy", model.evaluate(test, verbose=0, return_dict=True)["accuracy"])
    model.export(str(out_dir), verbose=False)


def _arrays(spec: ModelSpec, tfrecords: Path, split: str) -> tuple[dict[str, Array], Array]:
    batches = list(read(spec, str(tfrecords / split / "*.tfrecord")).as_numpy_iterator())
    inputs = {
        tensor.name: np.concatenate([batch[tensor.name] for batch, _ in batches])
        for tensor in spec.inputs
    }
    return inputs, np.concatenate([labels for _, labels in batches])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
