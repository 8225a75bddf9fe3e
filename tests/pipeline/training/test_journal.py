"""The record of a training run, early stopping, and continuing after a kill."""

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import DataError, UserError
from core.toolchain import ROOT
from pipeline.training.journal import Journal
from pipeline.training.methods import TRAININGS, Method
from pipeline.training.trainer import patience
from tests.warm import Warm, module, without_tfx

# Reads the scalars with the calls of TensorBoard's own plug-in, in the way that TensorBoard has for
# machines without TensorFlow.
READER = """
import json, sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
for line in sys.stdin:
    multiplexer = EventMultiplexer().AddRunsFromDirectory(line.rstrip())
    multiplexer.Reload()
    read = MultiplexerDataProvider(multiplexer, line.rstrip()).read_scalars(
        RequestContext(), experiment_id="", plugin_name="scalars", downsample=1000
    )
    print(json.dumps({
        run: {tag: [[at.step, at.value] for at in values] for tag, values in tags.items()}
        for run, tags in read.items()
    }), flush=True)
"""
SeenByTensorBoard = Callable[[Path], dict[str, Any]]


def figures(loss: float) -> dict[str, float]:
    return {"loss": 0.5, "accuracy": 0.75, "val_loss": loss, "val_accuracy": 0.25}


@pytest.fixture(scope="module")
def seen_by_tensorboard() -> Iterator[SeenByTensorBoard]:
    """Yields what returns steps and values by run and tag, as TensorBoard reads them in a folder.

    One process reads all of them: most of its time goes into its imports.
    """
    python = ROOT / ".venv-web-converter" / "bin" / "python"
    with subprocess.Popen(
        [python, "-c", READER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin and process.stdout

        def seen(logs: Path) -> dict[str, Any]:
            assert process.stdin and process.stdout
            print(logs, file=process.stdin, flush=True)
            scalars: dict[str, Any] = json.loads(process.stdout.readline())
            return scalars

        yield seen
        process.stdin.close()


def test_history_and_events_record_each_epoch(
    tmp_path: Path, seen_by_tensorboard: SeenByTensorBoard
) -> None:
    import tensorflow as tf

    journal = Journal(tmp_path, 2)
    assert journal.start([tf.Variable(1.0)], []) == 0
    assert not journal.end_epoch(figures(0.5))
    assert not journal.end_epoch(figures(1.5))
    assert journal.end() == figures(1.5)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == [0.5, 1.5]
    assert seen_by_tensorboard(tmp_path) == {
        "train": {
            "epoch_loss": [[0, 0.5], [1, 0.5]],
            "epoch_accuracy": [[0, 0.75], [1, 0.75]],
        },
        "validation": {
            "epoch_loss": [[0, 0.5], [1, 1.5]],
            "epoch_accuracy": [[0, 0.25], [1, 0.25]],
        },
    }


def test_patience_ends_training_and_keeps_the_best_weights(tmp_path: Path) -> None:
    import tensorflow as tf

    weight = tf.Variable(0.0)
    journal = Journal(tmp_path, 9, patience=2)
    journal.start([weight], [])
    ended = []
    for number, loss in enumerate([3.0, float("nan"), 1.0, 1.0, 2.0]):
        weight.assign(number)
        ended.append(journal.end_epoch(figures(loss)))
    assert ended == [False, False, False, False, True]
    assert journal.end() == figures(1.0)
    assert (journal.kept, float(weight)) == (2, 2.0)


@pytest.mark.parametrize("way", TRAININGS)
def test_both_ways_of_training_end_when_told(way: str, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    # At a learning rate of 0, steps have no effect and the loss never falls.
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=["accuracy"])
    data = tf.data.Dataset.from_tensors((tf.ones((4, 2)), tf.constant([0, 1, 0, 1])))
    journal = Journal(tmp_path, 50, patience=3)
    Method(way).train(model, data, data, journal)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + 4
    assert journal.kept == 0


@pytest.mark.parametrize("given", [0, 1.5, "two"])
def test_invalid_patience_is_reported(given: Any) -> None:
    with pytest.raises(UserError, match="patience must be a whole number of epochs, at least 1"):
        patience({"patience": given})


@pytest.mark.parametrize("way", TRAININGS)
def test_killed_training_continues_and_ends_the_same(
    way: str, tmp_path: Path, warm: Warm, seen_by_tensorboard: SeenByTensorBoard
) -> None:
    def train(
        way: str, folder: Path, logs: Path, *fatal: str
    ) -> "subprocess.CompletedProcess[str]":
        program = "tests.pipeline.training.training_program"
        job = module(program, way, str(folder), str(logs), *fatal)
        return warm.run(without_tfx(job), os.environ)

    undisturbed = json.loads(train(way, tmp_path / "a", tmp_path / "logs-a").stdout)
    killed = train(way, tmp_path / "b", tmp_path / "logs-killed", "3")
    assert (killed.returncode, killed.stdout) == (-9, "")
    resumed = train(way, tmp_path / "b", tmp_path / "logs-b")
    assert "continuing after epoch 3 of 5" in resumed.stderr, resumed.stderr
    found = json.loads(resumed.stdout)
    assert found["kept"] == undisturbed["kept"]
    for one, other in zip(found["weights"], undisturbed["weights"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    histories = [
        np.loadtxt(tmp_path / logs / "history.csv", delimiter=",", skiprows=1)
        for logs in ("logs-b", "logs-a")
    ]
    np.testing.assert_allclose(histories[0], histories[1], atol=1e-6)
    assert len(seen_by_tensorboard(tmp_path / "logs-b")["train"]["epoch_loss"]) == 5


def test_a_damaged_checkpoint_is_removed_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    monkeypatch.setattr("pipeline.training.checkpoints.EVERY_SECONDS", 0.0)
    folder = tmp_path / "checkpoints"
    first = Journal(tmp_path / "a", 3, checkpoints=folder)
    first.start([tf.Variable(1.0)], [])
    first.end_epoch(figures(1.0))
    [data] = folder.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:7])
    again = Journal(tmp_path / "b", 3, checkpoints=folder)
    with pytest.raises(DataError, match="was removed; run again"):
        again.start([tf.Variable(1.0)], [])
    assert Journal(tmp_path / "c", 3, checkpoints=folder).start([tf.Variable(1.0)], []) == 0
