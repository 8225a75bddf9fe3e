"""Layers that merge several inputs."""

from collections.abc import Callable
from typing import Any

from keras import layers

from tests.compatibility.row import Row, family, joined


def _row(name: str, layer: Callable[[], Any]) -> Row:
    return Row(name, joined(lambda a, b: layer()([a, b]), (6,), (6,)))


ROWS = family(
    "Merging",
    _row("Add", layers.Add),
    _row("Subtract", layers.Subtract),
    _row("Multiply", layers.Multiply),
    _row("Average", layers.Average),
    _row("Maximum", layers.Maximum),
    _row("Minimum", layers.Minimum),
    _row("Concatenate", layers.Concatenate),
    Row("Dot", joined(lambda a, b: layers.Dot(axes=(2, 2))([a, b]), (3, 6), (4, 6))),
)
