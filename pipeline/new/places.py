"""The inputs of a model that somebody brings: their shapes, and the values that they take."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.brought.made_up import ANY, Values, made_up
from models.spec import Tensor
from pipeline.new import folder
from pipeline.new.names import input_names
from pipeline.new.readers import NOTHING_KNOWN, Reading

# The ranges of numbers that are tried where nothing says which one an input has.
FLOATS = ((0.0, 1.0), (-1.0, 1.0), (-3.0, 3.0), (0.0, 255.0), (0.0, 10_000.0))
WHOLE = ((0.0, 9.0), (0.0, 1.0), (0.0, 99.0), (-99.0, 99.0), (0.0, 9999.0))
ATTEMPTS = len(FLOATS)
# Types that have few values: all of them are taken.
_BY_TYPE = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0), "bool": (0.0, 1.0)}
# Types that some targets do not have, and the types that are taken for them. Devices and browsers
# compute in float32; JSON requests to a server have no uint16 and no uint64.
_TAKEN_FOR = {
    **dict.fromkeys(("float16", "bfloat16", "float64"), "float32"),
    "uint16": "int32",
    "uint64": "int64",
}
_TYPES = ("float32", "int8", "int16", "int32", "int64", "uint8", "uint32", "bool", "string")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """An input of the model.

    Attributes:
        theirs: its name in the model.
        name: its name here.
        dtype: its type here.
        shape: its shape without the batch.
        reading: what the layers that read it say.
        tried: the number of ids that a model was found to have; None for others.
        attempt: the number of the range that is assumed where nothing says one.
        given: its type in the model.
    """

    theirs: str
    name: str
    dtype: str
    shape: Shape
    reading: Reading = NOTHING_KNOWN
    tried: int | None = None
    attempt: int = 0
    given: str = ""

    @property
    def ids(self) -> int | None:
        """Returns how many ids it takes; None where it takes something else."""
        if self.dtype == "string":
            return None
        return self.tried if self.reading.ids is None else self.reading.ids

    @property
    def is_picture(self) -> bool:
        return (
            self.dtype in {"float32", "uint8"}
            and len(self.shape) == 3
            and self.shape[2] in {1, 3}
            and min(self.shape[:2]) > 1
        )

    @property
    def is_assumed(self) -> bool:
        """Returns whether nothing says which values it takes."""
        known = self.dtype in _BY_TYPE or self.values != ANY or self.reading.low
        return not known

    @property
    def range(self) -> tuple[float, float]:
        """Returns its smallest and largest value."""
        if self.ids is not None:
            return 0.0, float(max(self.ids - 1, 1))
        if self.reading.low:
            return min(self.reading.low), max(self.reading.high)
        if self.dtype in _BY_TYPE:
            return _BY_TYPE[self.dtype]
        if self.dtype != "float32" and self.reading.known:
            numbers = [int(each) for each in self.reading.known]
            return float(min(numbers)), float(max(numbers))
        return (FLOATS if self.dtype == "float32" else WHOLE)[self.attempt]

    @property
    def values(self) -> Values:
        """Returns what is known of its values, apart from their range."""
        reading = self.reading
        by_feature = len(set(zip(reading.low, reading.high, strict=True))) > 1
        fits = by_feature and self.shape and self.shape[-1] == len(reading.low)
        return Values(
            whole=self.ids is not None,
            padding=reading.padding,
            known=reading.known,
            sentences=reading.sentences,
            low=reading.low if fits else (),
            high=reading.high if fits else (),
        )

    @property
    def told(self) -> str:
        """Returns it and its values in words."""
        text = f"{self.dtype} {self.shape}, {self._told_values()}"
        if self.given not in {"", self.dtype}:
            text += f"; the model takes {self.given}, to which they are converted"
        return text

    def _told_values(self) -> str:
        known = len(self.reading.known)
        if self.dtype == "string" or known:
            kind = "texts" if self.dtype == "string" else "numbers"
            if not known:
                return "made-up words"
            which = "of words from" if self.reading.sentences else "from"
            return f"{kind} {which} a vocabulary of {known}"
        if self.dtype == "bool":
            return "true and false"
        low, high = self.range
        values = "ids" if self.ids is not None else "values"
        assumed = " assumed to be" if self.is_assumed else ""
        padding = self.reading.padding
        end = "" if padding is None else f", padded at the end with {padding:g}"
        return f"{values}{assumed} from {low:g} to {high:g}{end}"

    @property
    def tensor(self) -> Tensor:
        """Returns the description of the input."""
        low, high = (None, None) if self.dtype in {"string", "bool"} else self.range
        ids = ": ids" if self.ids is not None else ""
        return Tensor(
            name=self.name,
            dtype=self.dtype,
            shape=self.shape,
            description=f"The model's input {self.theirs}{ids}.",
            minimum=low,
            maximum=high,
            kind="image" if self.is_picture else "tensor",
        )

    def made_up(self, count: int, random: np.random.Generator) -> Array:
        """Returns inputs as the written folder makes them up."""
        return made_up(self.tensor, count, random, self.values)

    def source(self) -> str:
        """Returns the Tensor that describes it, as Python source."""
        tensor = self.tensor
        lines = {
            "name": folder.literal(tensor.name),
            "dtype": folder.literal(tensor.dtype),
            "shape": repr(tensor.shape),
            "description": folder.literal(tensor.description),
            "minimum": "" if tensor.minimum is None else repr(tensor.minimum),
            "maximum": "" if tensor.maximum is None else repr(tensor.maximum),
            "kind": folder.literal(tensor.kind),
        }
        text = "".join(f"    {key}={value},\n" for key, value in lines.items() if value)
        if tensor.minimum is not None:
            comment = (
                "ASSUMED: set the range that your data has."
                if self.is_assumed
                else "The values that the model says it takes."
            )
            text = text.replace("    minimum=", f"    # {comment}\n    minimum=")
        return textwrap.indent(f"Tensor(\n{text}),\n", " " * 8)

    def values_source(self) -> str:
        """Returns the Values that describe it, as Python source; empty where nothing is known."""
        values = self.values
        given = {
            each.name: getattr(values, each.name)
            for each in fields(values)
            if getattr(values, each.name) != getattr(ANY, each.name)
        }
        if not given:
            return ""
        arguments = "".join(
            f"    {name}={folder.nested(value, 4)},\n" for name, value in given.items()
        )
        text = f"{folder.literal(self.name)}: Values(\n{arguments}),\n"
        return textwrap.indent(text, " " * 8)


def places_of(
    specs: Mapping[str, Any],
    source: object,
    shapes: Mapping[str, Shape],
    readings: Sequence[Reading] = (),
) -> tuple[Place, ...]:
    """Returns the inputs of a model.

    Args:
        specs: the type and shape of each input, by the model's own names.
        source: the model's file, for messages.
        shapes: the shapes that the user gives, without the batch, by a name here or in the model.
        readings: what is known of each input; empty where nothing is known.

    Raises:
        UserError: an input has a type or a shape that cannot be used, or there is none.
    """
    if not specs:
        raise UserError(f"{source} takes no inputs, so there is nothing to compare")
    names = input_names(list(specs))
    known = readings or [NOTHING_KNOWN] * len(specs)
    unknown = set(shapes) - set(names) - set(specs)
    if unknown:
        raise UserError(
            f"--shape names the input {min(unknown)!r}, which the model does not have; it has: "
            f"{', '.join(names)}"
        )
    return tuple(
        Place(
            theirs,
            name,
            _dtype(source, name, spec.dtype.name),
            _shape(source, name, spec.shape, shapes.get(name, shapes.get(theirs))),
            reading,
            given=spec.dtype.name,
        )
        for (theirs, spec), name, reading in zip(specs.items(), names, known, strict=True)
    )


def at_attempt(places: Sequence[Place], attempt: int) -> tuple[Place, ...]:
    """Returns the inputs with another assumed range, where one is assumed."""
    return tuple(replace(place, attempt=attempt) for place in places)


def _dtype(source: object, name: str, given: str) -> str:
    dtype = _TAKEN_FOR.get(given, given)
    if dtype not in _TYPES:
        raise UserError(
            f"{source}: the input {name!r} must have numbers, bools or texts, got {given}"
        )
    return dtype


def _shape(source: object, name: str, shape: Any, asked: Shape | None) -> Shape:
    """Returns an input's shape without the batch."""
    found: list[int | None] | None = None if shape.rank is None else shape.as_list()
    if found == []:
        raise UserError(
            f"{source}: the input {name!r} is one value for all examples of a batch; every input "
            "must have one value or more for each example"
        )
    open_sizes = found is None or None in found[1:]
    if open_sizes and asked is None:
        words = "(unknown)" if found is None else tuple(found[1:])
        example = ",".join(str(size or "SIZE") for size in (found or [None, None])[1:])
        raise UserError(
            f"{source}: the input {name!r} must have fixed sizes after the batch dimension, as "
            f"devices need them, got {words}; give them with --shape {name}={example}"
        )
    if asked is None:
        return tuple(size for size in (found or ())[1:] if size is not None)
    fits = found is None or (
        len(found) - 1 == len(asked)
        and all(size in {None, given} for size, given in zip(found[1:], asked, strict=True))
    )
    if not fits or min(asked, default=1) < 1:
        words = "of any shape" if found is None else f"{tuple(found[1:])} without the batch"
        raise UserError(f"--shape {name} must fit the model's input, {words}, got {asked}")
    return asked
