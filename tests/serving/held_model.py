"""A SavedModel whose calls wait while a gate is shut: what takes long, for as long as a test wants.

A call writes to a file. While the gate is shut a FIFO stands in its place that nobody reads, and
the kernel lets the call wait.
"""

import os
import time
from pathlib import Path

from serving.server.dataplane.runtime import tensorflow

PATIENCE_SECONDS = 120.0


class Gate:
    """What the calls of a model have to pass. It is open at first.

    Args:
        folder: an empty one, for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._fifo = folder / "gate", folder / "fifo"
        self._begun = folder / "begun"
        self._reader: int | None = None
        self._file.touch()
        os.mkfifo(self._fifo)

    def shut(self) -> None:
        """Makes calls wait from now on."""
        self._close_reader()
        self._begun.unlink(missing_ok=True)
        link = self._file.with_name("link")
        link.hardlink_to(self._fifo)
        link.replace(self._file)

    def open(self) -> None:
        """Lets all calls pass, those that wait and those that come."""
        free = self._file.with_name("free")
        free.touch()
        free.replace(self._file)
        # Those that found the FIFO before go on as soon as it has a reader. This waits for none.
        self._reader = self._reader or os.open(self._fifo, os.O_RDWR)

    def close(self) -> None:
        self.open()
        self._close_reader()

    @property
    def is_reached(self) -> bool:
        """Returns whether a call has come to the gate since it was shut."""
        return self._begun.exists()

    def wait_until_reached(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_reached:
            assert time.monotonic() < deadline, "no call has come to the gate"
            time.sleep(0.005)

    def _close_reader(self) -> None:
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None

    def passed(self, x: object) -> object:
        """Returns a graph's tensor unchanged, behind the gate."""
        tf = tensorflow()
        with tf.control_dependencies([tf.io.write_file(str(self._begun), "")]):
            passing = tf.io.write_file(str(self._file), "")
        with tf.control_dependencies([passing]):
            return tf.identity(x)


def write(path: Path, gate: Gate) -> Path:
    """Writes a SavedModel that answers with its input ``x``, once that has passed the gate."""
    tf = tensorflow()

    class Held(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def call(self, x: object) -> dict[str, object]:
            return {"y": gate.passed(x)}

    held = Held()
    tf.saved_model.save(held, str(path), signatures={"serving_default": held.call})
    return path
