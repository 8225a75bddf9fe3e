"""Terminal lines with the results of training epochs."""

import time
from collections.abc import Mapping

from core.console import CONSOLE

EPOCH_LINES = 20
# A line shows this many metrics; the history has all of them.
SHOWN = 3
_WORDS = {"r2": "R²", "mean_iou": "mean IoU"}


def go_on(done: int, epochs: int) -> None:
    """Prints the epoch after which an interrupted training continues."""
    CONSOLE.print(f"      continuing after epoch {done} of {epochs}")


def held_out(figures: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Returns the metrics of an epoch by their names in words: in training, and held out.

    They are the loss where the network was compiled with no other metric.
    """
    names = [
        name
        for name in figures
        if f"val_{name}" in figures and name != "loss" and not name.endswith("_loss")
    ]
    return {
        _in_words(name): (figures[name], figures[f"val_{name}"])
        for name in names[:SHOWN] or ["loss"]
        if f"val_{name}" in figures
    }


def _in_words(name: str) -> str:
    for metric, words in _WORDS.items():
        if name == metric or name.endswith(f"_{metric}"):
            return f"{name.removesuffix(metric)}{words}".replace("_", " ")
    return name.replace("_", " ")


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
        metrics = held_out(figures)
        shown = [f"loss {figures.get('loss', 0):.4f}"]
        shown += [f"{name} {ours:.4f}" for name, (ours, _) in metrics.items() if name != "loss"]
        shown += [f"held-out {name} {held:.4f}" for name, (_, held) in metrics.items()]
        CONSOLE.print(
            f"      epoch {epoch + 1:>2}/{self._epochs}  {'  '.join(shown)}  "
            f"[dim]{time.monotonic() - self._started:.0f} s[/]"
        )
