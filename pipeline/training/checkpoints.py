"""Checkpoints of an interrupted training: its variables, and its results so far."""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import DataError

# A checkpoint costs a few hundredths of a second, so training with short epochs writes few.
EVERY_SECONDS = 10.0


class Checkpoints:
    """The newest state of one training, in its own folder.

    TensorFlow's CheckpointManager writes a checkpoint's files and then, in one step, the file that
    names the newest. Whatever ends the process, there is a complete checkpoint or none.

    Args:
        folder: belongs to this training only.
        variables: everything that a step changes, as TensorFlow variables, always in the same
            order.
    """

    def __init__(self, folder: Path, variables: Sequence[Any]) -> None:
        import tensorflow as tf

        self._folder = folder
        self._story = tf.Variable("", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(variables=list(variables), story=self._story)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=1)
        self._saved_at = time.monotonic()

    def restore(self) -> dict[str, Any] | None:
        """Sets the variables to the newest state and returns its story; None if there is none.

        Raises:
            DataError: the state cannot be read; it is removed, so the next training starts from
                scratch.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return None
        try:
            self._checkpoint.restore(newest).assert_consumed()
            story: dict[str, Any] = json.loads(self._story.numpy())
        except Exception as error:  # each part of TensorFlow raises a different type
            shutil.rmtree(self._folder, ignore_errors=True)
            raise DataError(
                f"the checkpoint {newest} cannot be read and was removed; "
                "run again: training starts from scratch"
            ) from error
        return story

    def save(self, story: dict[str, Any]) -> None:
        """Writes the state, unless the previous one is younger than EVERY_SECONDS.

        Args:
            story: JSON values that ``restore`` returns.
        """
        if time.monotonic() - self._saved_at < EVERY_SECONDS:
            return
        self._story.assign(json.dumps(story))
        self._manager.save()
        self._saved_at = time.monotonic()
