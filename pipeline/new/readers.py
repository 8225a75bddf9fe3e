"""What a Keras model's first layers say about its inputs: ids, ranges, vocabularies and masks.

A layer such as Embedding takes any number, but has an answer only to the ids of its table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.tracing import layers_of

# Layers and operations that move values about, or change their type, without changing them.
PASSING = {
    "Cast",
    "CenterCrop",
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
    "Resizing",
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
# A vocabulary may have a million words. The first are the most frequent ones.
MOST_KNOWN = 256
# A text or a number that no vocabulary has.
UNKNOWN_WORD, UNKNOWN_NUMBER = "unheard", -999
# A value is rarely further from the mean than this many standard deviations.
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Reading:
    """What the layers that read an input say.

    Attributes:
        ids: the number of ids, which count from 0; None where no layer limits them.
        padding: the value that a mask ignores; None without a mask.
        low, high: the range of values: one pair, or one for each place of the last dimension;
            empty where no layer shows one.
        known: texts or whole numbers that a lookup knows, and one that it does not know if it
            takes such; empty without a lookup.
        sentences: whether a text is several words.
    """

    ids: int | None = None
    padding: float | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    known: tuple[str | int, ...] = ()
    sentences: bool = False


NOTHING_KNOWN = Reading()


def readings(model: Any) -> list[Reading]:
    """Returns what is known of each of the model's inputs, in their order.

    Nothing is known of the inputs of a model whose configuration does not list its layers.
    """
    config = model.get_config()
    named = {(type(layer).__name__, layer.name): layer for layer in layers_of(model)}
    layers = [list(_readers(config, number)) for number in range(len(model.inputs))]
    return [_reading(readers, named) for readers in layers]


def _reading(readers: list[Config], named: Mapping[tuple[str, str], Any]) -> Reading:
    counts = [count for layer in readers if (count := _count(layer)) is not None]
    masks = [mask for layer in readers if (mask := _mask(layer)) is not None]
    live = [
        (layer["class_name"], found)
        for layer in readers
        if (found := named.get((layer["class_name"], layer["config"].get("name", ""))))
    ]
    ranges = (_range(kind, layer) for kind, layer in live)
    low, high = next((each for each in ranges if each), ((), ()))
    vocabularies = (_known(kind, layer) for kind, layer in live)
    known = next((each for each in vocabularies if each), ())
    return Reading(
        ids=None if known else min(counts, default=None),
        padding=masks[0] if masks else None,
        low=low,
        high=high,
        known=known,
        sentences=any(kind == "TextVectorization" for kind, _ in live),
    )


def _range(kind: str, layer: Any) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Returns the lowest and highest values that a layer is made for; None for most layers."""
    if kind == "Rescaling":
        scale, offset = (np.ravel(each).astype(float) for each in (layer.scale, layer.offset))
        if not (scale > 0).all() or not (scale < 1).all():
            return None
        # Networks are made for values from 0 to 1, or, after an offset, from -1 to 1.
        lowest = np.where(offset == 0, 0.0, -1.0)
        return _rounded((lowest - offset) / scale), _rounded((1 - offset) / scale)
    if kind == "Normalization" and not getattr(layer, "invert", False):
        mean, variance = (np.ravel(np.asarray(each)) for each in (layer.mean, layer.variance))
        reach = _DEVIATIONS * np.sqrt(variance.astype(float))
        return _rounded(mean - reach), _rounded(mean + reach)
    return None


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in np.ravel(values))


def _known(kind: str, layer: Any) -> tuple[str | int, ...]:
    if kind not in {"StringLookup", "IntegerLookup", "TextVectorization"}:
        return ()
    words = [
        int(word) if kind == "IntegerLookup" else str(word)
        for word in layer.get_vocabulary(include_special_tokens=False)[:MOST_KNOWN]
    ]
    if kind == "TextVectorization" or layer.num_oov_indices:
        words.append(UNKNOWN_NUMBER if kind == "IntegerLookup" else UNKNOWN_WORD)
    return tuple(words)


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
                if _passes(layer["class_name"]):
                    waiting.append((layer["name"], node))
                else:
                    yield from _within(layer, sources.index(place))


def _chain(layers: list[Config]) -> Iterator[Config]:
    for layer in layers:
        if not _passes(layer["class_name"]):
            yield from _within(layer, 0)
            return


def _passes(kind: str) -> bool:
    # Augmentation does nothing where nothing is trained.
    return kind in PASSING or kind.startswith("Random")


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
