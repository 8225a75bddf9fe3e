"""A model that is open: what it takes, and how it is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The name of an output that has no name of its own.
OUTPUT = "output"
Call = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Opened:
    """A model under its own names of inputs and outputs.

    Attributes:
        inputs: the type and shape of each input, as a TensorSpec; the shape has the batch.
        call: returns the answers to a batch, eagerly or while it is traced.
        tracked: the object that holds its variables and tables.
    """

    inputs: Mapping[str, Any]
    call: Call
    tracked: Any


def typed(inputs: Mapping[str, Any], specs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tensors of the model's inputs in its own types and order."""
    import tensorflow as tf

    tensors = {name: tf.convert_to_tensor(inputs[name]) for name in specs}
    return {
        name: tensor if tensor.dtype == specs[name].dtype else tf.cast(tensor, specs[name].dtype)
        for name, tensor in tensors.items()
    }


def by_name(answer: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """Returns a model's answer as a flat dict.

    Args:
        answer: a tensor, or tensors in dicts, lists and tuples.
        names: the names of the members of a list.
    """
    if isinstance(answer, Mapping):
        return {
            str(key) if name == OUTPUT else f"{key}.{name}": tensor
            for key, value in answer.items()
            for name, tensor in by_name(value).items()
        }
    if not isinstance(answer, list | tuple):
        return {OUTPUT: answer}
    if len(answer) == 1:
        return by_name(answer[0])
    if len(names) != len(answer):
        names = [f"{OUTPUT}_{place}" for place in range(len(answer))]
    return by_name(dict(zip(distinct(names), answer, strict=True)))


def distinct(names: Sequence[str]) -> list[str]:
    """Returns the names, with a number behind each that was there before."""
    taken: list[str] = []
    for name in names:
        number, new = 1, name
        while new in taken:
            number += 1
            new = f"{name}_{number}"
        taken.append(new)
    return taken
