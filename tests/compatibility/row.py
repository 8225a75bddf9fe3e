"""A row of the compatibility table: a small Keras model and the inputs that it is tried with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.arrays import Array

# Each answer of a runtime is for this many examples.
EXAMPLES = 64


@dataclass(frozen=True)
class Numbers:
    """Draws numbers uniformly from a range; whole numbers where the input's type is an integer."""

    low: float = -2.0
    high: float = 2.0

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        if np.dtype(dtype).kind in "iu":
            return random.integers(int(self.low), int(self.high) + 1, shape).astype(dtype)
        return random.uniform(self.low, self.high, shape).astype(dtype)


@dataclass(frozen=True)
class Words:
    """Draws texts from a list."""

    words: tuple[str, ...]

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], _: str) -> Array:
        return random.choice(np.array(self.words), shape)


@dataclass(frozen=True)
class Flags:
    """Draws true and false, equally often."""

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        return random.integers(0, 2, shape).astype(dtype)


Kind = Numbers | Words | Flags


@dataclass(frozen=True)
class Row:
    """A small model of one layer or operation.

    Attributes:
        name: identifies the row.
        build: returns the functional Keras model, whose inputs have names.
        inputs: how the values of each input are drawn; NUMBERS where an input is not named.
        family: the part of the table that the row belongs to.
        covers: the names of the public layers and activations that it stands for; by default the
            first word of its name.
        classes: whether its output holds the values of classes, so that the largest one counts.
        shapes: for inputs with a size that Keras leaves open, the shape that they are used with.
    """

    name: str
    build: Callable[[], Any]
    inputs: Mapping[str, Kind] = field(default_factory=dict)
    family: str = ""
    covers: tuple[str, ...] = ()
    classes: bool = False
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def covered(self) -> tuple[str, ...]:
        return self.covers or (self.name.split(" ")[0],)

    @property
    def file_name(self) -> str:
        """Returns the name as part of a path."""
        return "".join(each if each.isalnum() else "-" for each in self.name)

    def draw(self, specs: Iterable[Any], count: int, seed: int) -> dict[str, Array]:
        """Returns seeded values for inputs of the given tensors (name, shape, dtype)."""
        random = np.random.default_rng([seed, *self.name.encode()])
        return {
            spec.name: self.inputs.get(spec.name, NUMBERS).draw(
                random, (count, *spec.shape), spec.dtype
            )
            for spec in specs
        }


NUMBERS = Numbers()
UNIT = Numbers(0.0, 1.0)
BYTES = Numbers(0.0, 255.0)


def family(name: str, *rows: Row) -> tuple[Row, ...]:
    """Returns the rows as members of a family."""
    return tuple(replace(row, family=name) for row in rows)


def of(layer: Callable[[], Any], *shape: int | None, dtype: str = "float32") -> Callable[[], Any]:
    """Returns a builder of a model that applies a layer to one input, ``x``."""

    def applied(x: Any) -> Any:
        # A layer of its own for each model.
        made = layer()
        return made(x)

    return computed(applied, *shape, dtype=dtype)


def computed(
    function: Callable[[Any], Any], *shape: int | None, dtype: str = "float32"
) -> Callable[[], Any]:
    """Returns a builder of a model that computes a function of one input, ``x``."""

    def build() -> Any:
        import keras

        x = keras.Input(shape, name="x", dtype=dtype)
        return keras.Model({"x": x}, function(x))

    return build


def joined(
    function: Callable[..., Any], *shapes: tuple[int | None, ...], dtype: str = "float32"
) -> Callable[[], Any]:
    """Returns a builder of a model that computes a function of the inputs ``a``, ``b``, …"""

    def build() -> Any:
        import keras

        names = "abcdef"[: len(shapes)]
        inputs = [
            keras.Input(shape, name=name, dtype=dtype)
            for name, shape in zip(names, shapes, strict=True)
        ]
        return keras.Model(dict(zip(names, inputs, strict=True)), function(*inputs))

    return build
