"""Made-up inputs: drawn from the values that an input takes, where nobody gave data."""

import string
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from core.arrays import Array
from models.spec import Tensor

# Made-up numbers are at least so many steps of their range. A step is a power of two, so that they
# print short and read back as the same values.
STEPS = 128
# A made-up picture has so many areas of one colour along each side, and so large a share of pixels
# of other colours. A network averages the pixels of pictures: those of noise alone are all alike.
_AREAS, _NOISE = 7, 0.25
# The number and length of the words that are made up where no vocabulary is known.
_WORDS, _LETTERS = 100, 5
# The most words of a made-up sentence.
_SENTENCE = 8


@dataclass(frozen=True)
class Values:
    """The values that an input takes, apart from its type and its range.

    Attributes:
        whole: whether it takes whole numbers only, such as ids, whatever its type.
        padding: for sequences of varying length, the value that fills their end, which the model
            masks; None for others.
        known: the texts or whole numbers that a lookup in the model knows; empty without one.
        sentences: whether a text is several of the known words.
        low, high: the range of each place of the last dimension, where they differ.
    """

    whole: bool = False
    padding: float | None = None
    known: tuple[str | int, ...] = ()
    sentences: bool = False
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


ANY = Values()


def made_up(tensor: Tensor, count: int, random: np.random.Generator, values: Values = ANY) -> Array:
    """Returns inputs of the shape (count, …), drawn uniformly from what the input takes.

    Pictures have areas of one colour. Texts are an array of Python's texts.

    Args:
        tensor: the input's type, shape and range.
        count: the number of inputs.
        random: the source of chance.
        values: what else is known about its values.
    """
    shape = (count, *tensor.shape)
    if tensor.dtype == "string":
        return _texts(shape, random, values)
    made = _numbers(tensor, shape, random, values)
    if tensor.kind == "image":
        made = _with_areas(made, random)
    if values.padding is not None and tensor.shape:
        # Steps are along the first dimension.
        lengths = random.integers(1, tensor.shape[0] + 1, count)
        made[np.arange(tensor.shape[0]) >= lengths[:, None]] = values.padding
    return made.astype(tensor.dtype)


def _numbers(
    tensor: Tensor, shape: tuple[int, ...], random: np.random.Generator, values: Values
) -> Array:
    low = 0.0 if tensor.minimum is None else tensor.minimum
    high = 1.0 if tensor.maximum is None else tensor.maximum
    if values.known:
        return random.choice(np.array(values.known), shape)
    if values.whole or np.dtype(tensor.dtype).kind in "iub":
        # The padding is not the value of a step.
        first = ceil(low) + (values.padding == ceil(low))
        return random.integers(first, max(floor(high), first) + 1, shape)
    return _floats(np.array(values.low or low), np.array(values.high or high), shape, random)


def _with_areas(noise: Array, random: np.random.Generator) -> Array:
    """Returns pictures of areas of one colour with some noise, from pictures that are all noise."""
    height, width = noise.shape[1:3]
    rows, columns = (np.arange(size) * min(size, _AREAS) // size for size in (height, width))
    areas = noise[:, rows][:, :, columns]
    kept = random.random(noise.shape[:3]) < _NOISE
    return np.where(kept[..., None], noise, areas)


def _floats(low: Array, high: Array, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    width = high - low
    step = np.exp2(np.floor(np.log2(np.where(width > 0, width, 1.0) / STEPS)))
    first, last = np.ceil(low / step), np.floor(high / step)
    steps = random.integers(first, np.maximum(first, last) + 1, shape)
    return np.asarray(np.where(width > 0, steps * step, low))


def _texts(shape: tuple[int, ...], random: np.random.Generator, values: Values) -> Array:
    words = [str(each) for each in values.known] or [
        "".join(random.choice(list(string.ascii_lowercase), _LETTERS)) for _ in range(_WORDS)
    ]
    made = np.empty(shape, object)
    for place in np.ndindex(shape):
        count = int(random.integers(1, _SENTENCE + 1)) if values.sentences else 1
        made[place] = " ".join(words[int(each)] for each in random.integers(0, len(words), count))
    return made
