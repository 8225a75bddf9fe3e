"""A SavedModel whose calls wait while a gate is shut: what takes long, for as long as a test wants.

A call reads a file. While the gate is shut a FIFO stands in its place, of which nobody is the
writer, and the kernel lets the call wait.
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
        self._writer: int | None = None
        self._file.touch()
        os.mkfifo(self._fifo)

    def shut(self) -> None:
        """Makes calls wait from now on."""
        self._close_writer()
        self._begun.unlink(missing_ok=True)
        link = self._file.with_name("link")
        link.hardlink_to(self._fifo)
        link.replace(self._file)

    def open(self) -> None:
        """Lets all calls pass, those that wait and those that come."""
        free = self._file.with_name("free")
        free.touch()
        free.replace(self._file)
        # Those that found the FIFO before go on as soon as it has a writer. This waits for none.
        self._writer = self._writer or os.open(self._fifo, os.O_RDWR)

    def close(self) -> None:
        self.open()
        self._close_writer()

    @property
    def is_reached(self) -> bool:
        """Returns whether a call has come to the gate since it was shut."""
        return self._begun.exists()

    def wait_until_reached(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_reached:
            assert time.monotonic() < deadline, "no call has come to the gate"
            time.sleep(0.005)

    def _close_writer(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def passed(self, x: object) -> object:
        """Returns a graph's tensor of float32 numbers unchanged, behind the gate."""
        tf = tensorflow()
        with tf.control_dependencies([tf.io.write_file(str(self._begun), "")]):
            # Its name depends on the input: what is constant would be read once.
            nothing = tf.strings.substr(tf.strings.as_string(tf.reshape(x, [-1])[0]), 0, 0)
            read = tf.io.read_file(tf.strings.join([str(self._file), nothing]))
        return x + tf.cast(tf.strings.length(read), tf.float32)


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
