"""The cost of training: Keras' fit against a custom training loop, each run in three ways.

    make bench-training

Each way trains the functional fashion network on the same batches. Rounds of a few steps are
interleaved, so a machine that is slow for a while is slow for all ways. The figure is the median of
the rounds' CPU time, which other work on the machine disturbs least. The first step of each way,
which traces and compiles, is reported separately.

Then each way trains the model's profile ``quick`` on real pictures until it reaches a held-out
accuracy. The second table shows how long that takes, including tracing and compiling.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models import examples
from models.fashion import data, network
from models.spec import load
from pipeline.settings.config import Config
from pipeline.training import loop
from pipeline.training.journal import Journal
from pipeline.training.methods import prepare, step_of
from pipeline.training.trainer import fit

STATISTICS = {"image_mean": np.float32(72.9), "image_variance": np.float32(8100)}
BATCH = 64
# Training stops after this many epochs, whether or not it has reached the accuracy.
MOST_EPOCHS = 8


class Reached(Exception):
    """The requested accuracy is reached; the argument is the number of epochs that it took."""


class Until:
    """Ends the training when its accuracy is high enough."""

    def __init__(self, accuracy: float) -> None:
        self._accuracy = accuracy

    def begin(self) -> None:
        """Shows nothing."""

    def end(self, epoch: int, figures: Mapping[str, float]) -> None:
        if figures["val_accuracy"] >= self._accuracy:
            raise Reached(epoch + 1)


def batch() -> tuple[dict[str, Any], Any]:
    """Returns random pictures and classes: their contents do not change the cost of a step."""
    import tensorflow as tf

    random = np.random.default_rng(1)
    images = random.uniform(0, 255, (BATCH, 28, 28, 1)).astype(np.float32)
    return {"image": tf.constant(images)}, tf.constant(random.integers(0, 10, BATCH))


def stepper(training: str, execution: str) -> Callable[[int], None]:
    """Returns a function that trains a new network for a given number of steps."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(7)
    hyperparameters = load("fashion").profile("quick").hyperparameters
    model = network.build(STATISTICS, hyperparameters)
    network.compile(model, hyperparameters, steps_per_epoch=1000)
    inputs, labels = batch()
    if training == "fit":
        prepare(model, execution)
        data = tf.data.Dataset.from_tensors((inputs, labels)).repeat()
        return lambda steps: (
            model.fit(data.take(steps), epochs=1, shuffle=False, verbose=0) and None
        )
    apply = step_of(model)

    def one(images: dict[str, Any], classes: Any) -> None:
        apply(loop.gradients(model, images, classes)[2])

    step = loop.executed(one, execution)

    def steps_of(steps: int) -> None:
        for _ in range(steps):
            step(inputs, labels)

    return steps_of


def time_to(
    accuracy: float, training: str, execution: str, folder: Path
) -> tuple[int | None, float]:
    """Returns the epochs and the seconds of CPU time until a held-out accuracy is reached.

    Args:
        folder: contains ``train.tfrecord`` and ``eval.tfrecord``.
    """
    spec = load("fashion")
    quick = spec.profile("quick").hyperparameters
    chosen = {**quick, "epochs": MOST_EPOCHS, "training": training, "execution": execution}
    start = time.process_time()
    try:
        fit(
            spec,
            chosen,
            train=str(folder / "train.tfrecord"),
            evaluation=str(folder / "eval.tfrecord"),
            statistics={name: np.asarray(value) for name, value in STATISTICS.items()},
            journal=Journal(folder / "logs", MOST_EPOCHS, progress=Until(accuracy)),
        )
    except Reached as reached:
        return int(reached.args[0]), time.process_time() - start
    return None, time.process_time() - start


def print_times_to(accuracy: float, ways: list[tuple[str, str]]) -> None:
    """Prints the second table."""
    cache = Config.from_environment("fashion", "quick").dataset
    limits = load("fashion").profile("quick").examples
    print(f"\n| training | execution | epochs to {accuracy:g} | CPU time, s |")
    print("|---|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "eval"):
            examples.write(
                data.examples(cache, split, limits[split]), Path(folder) / f"{split}.tfrecord"
            )
        for training, execution in ways:
            epochs, seconds = time_to(accuracy, training, execution, Path(folder))
            shown = epochs if epochs is not None else f"not in {MOST_EPOCHS}"
            print(f"| {training} | {execution} | {shown} | {seconds:.0f} |", flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Measures the cost of training.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10, help="training steps in each round")
    parser.add_argument("--executions", nargs="+", default=loop.EXECUTIONS)
    parser.add_argument("--accuracy", type=float, default=0.85, help="held-out accuracy to reach")
    options = parser.parse_args()
    ways = {
        (training, execution): stepper(training, execution)
        for execution in options.executions
        for training in ("fit", "gradient_tape")
    }
    first = {way: _seconds(run, 1) for way, run in ways.items()}
    times: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, run in ways.items():
            times[way].append(_seconds(run, options.steps) / options.steps)
    common = "graph" if "graph" in options.executions else options.executions[0]
    base = statistics.median(times["fit", common])
    print("| training | execution | CPU time per step, ms | relative | first step, s |")
    print("|---|---|--:|--:|--:|")
    for (training, execution), seconds in times.items():
        middle = statistics.median(seconds)
        print(
            f"| {training} | {execution} | {middle * 1000:.1f} | {middle / base:.2f} | "
            f"{first[training, execution]:.1f} |",
            flush=True,
        )
    print_times_to(options.accuracy, list(ways))


def _seconds(run: Callable[[int], None], steps: int) -> float:
    start = time.process_time()
    run(steps)
    return time.process_time() - start


if __name__ == "__main__":
    main()
