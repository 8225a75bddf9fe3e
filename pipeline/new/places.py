"""The inputs of a model that somebody brings: which values they take, and how to try them out."""

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.existing import made_up
from models.spec import Tensor
from pipeline.new import folder
from pipeline.new.readers import NOTHING_KNOWN, Reading

# The number of made-up inputs that show whether the model distinguishes inputs.
PROBES = 16
# The ranges that are tried where nothing says which one an input has.
RANGES = ((0.0, 1.0), (-1.0, 1.0), (-3.0, 3.0), (0.0, 255.0), (0.0, 10_000.0))
# A table of more ids than this cannot be in a file of the size that is allowed.
MOST_IDS = 1 << 24
Predict = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Place:
    """An input of the model.

    Attributes:
        theirs: its name in the model.
        dtype: its type.
        shape: its shape without the batch.
        reading: what the layers that read it allow.
        range: its smallest and largest value; None while it is unknown.
    """

    theirs: str
    dtype: str
    shape: tuple[int, ...]
    reading: Reading = NOTHING_KNOWN
    range: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", self.theirs.lower()).strip("_") or "input"
        return f"input_{name}" if name[0].isdigit() else name

    @property
    def elements(self) -> int:
        product = 1
        for size in self.shape:
            product *= size
        return product

    @property
    def pictures(self) -> bool:
        return self.dtype == "float32" and len(self.shape) == 3 and self.shape[2] in {1, 3}

    @property
    def has_ids(self) -> bool:
        return self.reading.ids is not None

    @property
    def told(self) -> str:
        """Its values, in words."""
        low, high = self.range or RANGES[0]
        values = "ids" if self.has_ids else "values assumed to be"
        padding = self.reading.padding
        end = "" if padding is None else f", padded at the end with {padding:g}"
        return f"{values} from {low:g} to {high:g}{end}"

    def known(self, reading: Reading, *, rescales: bool = False) -> "Place":
        """Returns the input with the range that the model's layers show, if they show one."""
        if reading.ids is not None:
            return replace(self, reading=reading, range=(0.0, float(max(reading.ids - 1, 1))))
        known = (0.0, 255.0) if self.pictures and rescales else None
        return replace(self, reading=reading, range=known)

    def made_up(self, count: int, random: np.random.Generator) -> Any:
        """Returns inputs of its range, as the written folder makes them up."""
        low, high = self.range or RANGES[0]
        tensor = Tensor(self.theirs, self.dtype, self.shape, "", low, high)
        return made_up(tensor, count, random, whole=self.has_ids, padding=self.reading.padding)

    def source(self) -> str:
        """Returns the Tensor that describes it, as Python source."""
        low, high = self.range or RANGES[0]
        comment = (
            "The ids that the model has an answer to."
            if self.has_ids
            else "ASSUMED: set the range that your data has."
        )
        ids = ": ids" if self.has_ids else ""
        text = f'''Tensor(
    name="{self.name}",
    dtype="{self.dtype}",
    shape={self.shape!r},
    description={folder.literal(f"The model's input {self.theirs}{ids}.")},
    # {comment}
    minimum={low},
    maximum={high},
    kind="{"image" if self.pictures else "tensor"}",
),
'''
        return textwrap.indent(text, " " * 8)


def with_ranges(places: Sequence[Place], predict: Predict) -> tuple[tuple[Place, ...], float]:
    """Returns the inputs with their ranges, and the largest difference between the answers.

    Where nothing says which range an input has, it is the first one in which the model has
    different top classes for different inputs: where all inputs are of one class, a runtime that
    ignores its input would agree too.

    Args:
        places: the inputs.
        predict: returns the model's answer to inputs by the model's own names.

    Raises: what the model raises for inputs of the first range.
    """
    import tensorflow as tf

    tried: list[tuple[tuple[Place, ...], float]] = []
    for assumed in RANGES:
        inputs = tuple(replace(place, range=place.range or assumed) for place in places)
        random = np.random.default_rng(0)
        try:
            made = {place.theirs: place.made_up(PROBES, random) for place in inputs}
            answers = np.asarray(predict(made)).astype(np.float64)
        except tf.errors.OpError:
            if not tried:
                raise
            break
        tried.append((inputs, float(np.ptp(answers, axis=0).max())))
        if len(np.unique(answers.argmax(axis=1))) > 1:
            return tried[-1]
    return tried[0]


def with_tried_ids(places: Sequence[Place], predict: Predict) -> tuple[Place, ...]:
    """Returns the inputs with the number of ids of those that refuse a larger one.

    A SavedModel does not say what its integers are; looking up an id that a table does not have is
    an error.

    Args: the same as those of ``with_ranges``.
    """
    return tuple(
        place.known(Reading(ids)) if (ids := _ids(place, places, predict)) else place
        for place in places
    )


def _ids(place: Place, places: Sequence[Place], predict: Predict) -> int | None:
    import tensorflow as tf

    def refuses(value: int) -> bool:
        values = {one.theirs: np.zeros((1, *one.shape), one.dtype) for one in places}
        values[place.theirs] += value
        try:
            predict(values)
        except tf.errors.InvalidArgumentError:
            return True
        return False

    if not place.dtype.startswith("int") or refuses(0) or not refuses(MOST_IDS):
        return None
    known, refused = 0, MOST_IDS
    while refused - known > 1:
        middle = (known + refused) // 2
        known, refused = (known, middle) if refuses(middle) else (middle, refused)
    return refused
