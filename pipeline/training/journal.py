"""The record of a training in progress, the same for every training method.

``history.csv`` and TensorBoard's event files report the results. Checkpoints let an interrupted
training continue. If patience is given, training ends when the held-out loss no longer falls.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.training import epoch_lines
from pipeline.training.checkpoints import Checkpoints

HISTORY = "history.csv"
HELD_OUT = "val_"
Figures = dict[str, float]


class Progress(Protocol):
    """Shows epochs as they run."""

    def begin(self) -> None: ...

    def end(self, epoch: int, figures: Mapping[str, float]) -> None: ...


class Journal:
    """Keeps the record of one training.

    Args:
        logs: the folder for ``history.csv``, and for event files below ``train/`` and
            ``validation/`` with the names that Keras gives.
        epochs: the maximum number of epochs.
        patience: training ends after this many epochs without a smaller held-out loss, and the
            weights of the best epoch are kept; None trains for all epochs and keeps the last.
        checkpoints: the folder for the state to continue from, which belongs to this training
            only; None keeps no state.
        progress: is called for each epoch.
    """

    def __init__(
        self,
        logs: Path,
        epochs: int,
        *,
        patience: int | None = None,
        checkpoints: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.epochs = epochs
        self._logs, self._patience, self._folder = logs, patience, checkpoints
        self._progress = progress
        self._rows: list[Figures] = []
        self._writers: dict[str, Any] = {}
        self._weights: list[Any] = []
        self._best: list[Any] = []
        self._checkpoints: Checkpoints | None = None

    def start(self, weights: Sequence[Any], others: Sequence[Any]) -> int:
        """Returns the first epoch to train, counted from 0; it is not 0 when training continues.

        Args:
            weights: the network's variables, as TensorFlow variables; a checkpoint sets them.
            others: the other variables that a step changes, which are the optimizer's.

        Raises:
            DataError: there is a checkpoint that cannot be read.
        """
        import tensorflow as tf

        self._logs.mkdir(parents=True, exist_ok=True)
        self._weights = list(weights)
        if self._patience is not None:
            self._best = [tf.Variable(weight, trainable=False) for weight in weights]
        if self._folder is not None:
            self._checkpoints = Checkpoints(self._folder, [*weights, *others, *self._best])
            story = self._checkpoints.restore()
            if story is not None:
                self._rows = story["rows"]
                epoch_lines.go_on(len(self._rows), self.epochs)
        for number, figures in enumerate(self._rows):
            self._tell(number, figures)
        self._begin()
        return self.epochs if self._out_of_patience else len(self._rows)

    def end_epoch(self, figures: Mapping[str, float]) -> bool:
        """Records an epoch's results, and returns whether training is to end.

        Args:
            figures: ``loss``, ``accuracy`` and others; held-out ones have the prefix ``val_``.
        """
        row = {name: float(value) for name, value in figures.items()}
        self._rows.append(row)
        number = len(self._rows) - 1
        self._tell(number, row)
        if self._progress:
            self._progress.end(number, row)
        if self._best and self.kept == number:
            for best, weight in zip(self._best, self._weights, strict=True):
                best.assign(weight)
        if self._checkpoints:
            self._checkpoints.save({"rows": self._rows})
        self._begin()
        return self._out_of_patience

    def end(self) -> Figures:
        """Sets the network to the kept weights, and returns the figures of their epoch."""
        if self._best and self._rows:
            for best, weight in zip(self._best, self._weights, strict=True):
                weight.assign(best)
        for writer in self._writers.values():
            writer.close()
        return self._rows[self.kept]

    @property
    def kept(self) -> int:
        """Returns the epoch whose weights are kept, counted from 0."""
        if self._patience is None:
            return len(self._rows) - 1
        # A NaN loss counts as the worst; of equal losses the first is kept.
        losses = [row[f"{HELD_OUT}loss"] for row in self._rows]
        return int(np.argmin([math.inf if math.isnan(loss) else loss for loss in losses]))

    @property
    def _out_of_patience(self) -> bool:
        if self._patience is None or not self._rows:
            return False
        return len(self._rows) - 1 - self.kept >= self._patience

    def _begin(self) -> None:
        if self._progress:
            self._progress.begin()

    def _tell(self, number: int, figures: Figures) -> None:
        file = self._logs / HISTORY
        with file.open("w" if number == 0 else "a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["epoch", *figures])
            if number == 0:
                writer.writeheader()
            writer.writerow({"epoch": number, **figures})
        for name, value in figures.items():
            with self._writer("validation" if name.startswith(HELD_OUT) else "train").as_default():
                _scalar(f"epoch_{name.removeprefix(HELD_OUT)}", value, number)
        for events in self._writers.values():
            events.flush()

    def _writer(self, split: str) -> Any:
        import tensorflow as tf

        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self._logs / split))
        return self._writers[split]


def _scalar(tag: str, value: float, step: int) -> None:
    """Writes a figure in the format of TensorBoard's scalars plug-in.

    ``tf.summary.scalar`` does the same, but needs the viewer's package to be installed.
    """
    import tensorflow as tf

    kind = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
    kind.plugin_data.plugin_name = "scalars"
    tf.summary.write(tag, tf.constant(value, tf.float32), step=step, metadata=kind)
