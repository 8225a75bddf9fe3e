"""What a Keras model's first layers say about its inputs: ids and their number, and masks.

A layer such as Embedding takes any number, but has an answer only to the ids of its table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Layers and operations that move values about, or change their type, without changing them.
PASSING = {
    "Cast",
    "Concatenate",
    "Copy",
    "Cropping1D",
    "Dropout",
    "ExpandDims",
    "Flatten",
    "GetItem",
    "Identity",
    "Moveaxis",
    "Permute",
    "Ravel",
    "RepeatVector",
    "Reshape",
    "Squeeze",
    "Stack",
    "Swapaxes",
    "Transpose",
}
# Where the configuration has the number of ids that a layer takes, which count from 0; the first
# three are enough for a layer of any class.
_COUNTS = (
    (None, "input_dim"),
    (None, "num_tokens"),
    (None, "vocabulary_size"),
    ("OneHot", "num_classes"),
    ("Hashing", "num_bins"),
    ("HashedCrossing", "num_bins"),
)
Config = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """What the layers that read an input allow.

    Attributes:
        ids: the number of ids, which count from 0; None where no layer limits them.
        padding: the value that a mask ignores; None without a mask.
    """

    ids: int | None = None
    padding: float | None = None


NOTHING_KNOWN = Reading()


def readings(model: Any) -> list[Reading]:
    """Returns what is known of each of the model's inputs, in their order.

    Nothing is known of the inputs of a model whose configuration does not list its layers.
    """
    config = model.get_config()
    layers = [list(_readers(config, number)) for number in range(len(model.inputs))]
    return [_reading(readers) for readers in layers]


def _reading(readers: list[Config]) -> Reading:
    counts = [count for layer in readers if (count := _count(layer)) is not None]
    masks = [mask for layer in readers if (mask := _mask(layer)) is not None]
    return Reading(min(counts, default=None), masks[0] if masks else None)


def _count(layer: Config) -> int | None:
    config = layer["config"]
    counts = (
        int(config[name])
        for kind, name in _COUNTS
        if kind in (None, layer["class_name"]) and config.get(name)
    )
    return next(counts, None)


def _mask(layer: Config) -> float | None:
    config = layer["config"]
    if config.get("mask_zero"):
        return 0.0
    return None if config.get("mask_value") is None else float(config["mask_value"])


def _readers(model: Config, number: int) -> Iterator[Config]:
    """Yields each layer that reads a model's input, by the input's number."""
    layers = model.get("layers", [])
    if "input_layers" not in model:
        yield from _chain([layer for layer in layers if layer["class_name"] != "InputLayer"])
        return
    waiting = [tuple(_places(model["input_layers"])[number][:2])]
    while waiting:
        place = waiting.pop()
        for layer in layers:
            for node, call in enumerate(layer["inbound_nodes"]):
                sources = [tuple(source[:2]) for source in _sources(call)]
                if place not in sources:
                    continue
                if layer["class_name"] in PASSING:
                    waiting.append((layer["name"], node))
                else:
                    yield from _within(layer, sources.index(place))


def _chain(layers: list[Config]) -> Iterator[Config]:
    for layer in layers:
        if layer["class_name"] not in PASSING:
            yield from _within(layer, 0)
            return


def _within(layer: Config, number: int) -> Iterator[Config]:
    """Yields a layer, or the layers inside a model or a wrapper."""
    config = layer["config"]
    if "layers" in config:
        yield from _readers(config, number)
    elif "class_name" in (inner := config.get("layer") or {}):
        yield from _within(inner, number)
    else:
        yield layer


def _places(inputs: Any) -> list[list[Any]]:
    """Returns name, node and tensor of each input of a model, in the order of ``model.inputs``."""
    if isinstance(inputs, Mapping):
        return [place for name in sorted(inputs) for place in _places(inputs[name])]
    if isinstance(inputs[0], str):
        return [list(inputs)]
    return [place for each in inputs for place in _places(each)]


def _sources(value: Any) -> Iterator[list[Any]]:
    """Yields layer, node and tensor of each Keras tensor in a call's arguments."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"]
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _sources(each)
