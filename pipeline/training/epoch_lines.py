"""Terminal lines with the results of training epochs."""

import time
from collections.abc import Mapping

from core.console import CONSOLE

EPOCH_LINES = 20


def go_on(done: int, epochs: int) -> None:
    """Prints the epoch after which an interrupted training continues."""
    CONSOLE.print(f"      continuing after epoch {done} of {epochs}")


class EpochLines:
    """Prints one line per epoch; with many epochs, for every n-th and the last.

    Args:
        epochs: the number of epochs.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._every = -(-epochs // EPOCH_LINES)
        self._started = 0.0

    def begin(self) -> None:
        self._started = time.monotonic()

    def end(self, epoch: int, figures: Mapping[str, float]) -> None:
        if (epoch + 1) % self._every and epoch + 1 != self._epochs:
            return
        CONSOLE.print(
            f"      epoch {epoch + 1:>2}/{self._epochs}  loss {figures.get('loss', 0):.4f}  "
            f"accuracy {figures.get('accuracy', 0):.4f}  "
            f"held-out accuracy {figures.get('val_accuracy', 0):.4f}  "
            f"[dim]{time.monotonic() - self._started:.0f} s[/]"
        )
