"""python -m tests.pipeline.training.training_program WAY FOLDER LOGS [EPOCH]: trains a network.

It prints weights and figures as JSON. If EPOCH is given, the process kills itself with SIGKILL
when that many epochs have ended.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from pipeline.training import checkpoints
from pipeline.training.journal import Journal
from pipeline.training.methods import Method

EPOCHS = 5


class Fatal:
    """Kills the process when an epoch has ended, without any output."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def begin(self) -> None:
        # The journal calls this at the next epoch, after it wrote the checkpoint.
        if self._epoch == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._epoch -= 1

    def end(self, epoch: int, figures: Mapping[str, float]) -> None:
        pass


def main(way: str, folder: Path, logs: Path, fatal: int) -> None:
    import tensorflow as tf

    checkpoints.EVERY_SECONDS = 0.0
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(4)
    values = random.normal(size=(160, 6)).astype(np.float32)
    labels = (values[:, 0] * values[:, 1] > 0).astype(np.int64)
    data = tf.data.Dataset.from_tensor_slices(({"x": values}, labels))
    inputs = {"x": keras.Input((6,), name="x")}
    x = keras.layers.Dense(16, activation="relu")(inputs["x"])
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.2, seed=5)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.02, EPOCHS * 10)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    journal = Journal(logs, EPOCHS, patience=4, checkpoints=folder, progress=Fatal(fatal))
    batches = data.shuffle(160, seed=6).batch(16)
    figures = Method(way).train(model, batches, data.batch(80), journal)
    weights = [weight.tolist() for weight in model.get_weights()]
    print(json.dumps({"weights": weights, "figures": figures, "kept": journal.kept}))


if __name__ == "__main__":
    way, folder, logs, *fatal = sys.argv[1:]
    main(way, Path(folder), Path(logs), int(fatal[0]) if fatal else -1)
