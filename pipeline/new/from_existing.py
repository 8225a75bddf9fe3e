"""Makes a model's folder from a model that was trained elsewhere: checked, but not trained."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from core.arrays import Array
from core.errors import UserError
from models.brought.digest import digest_of
from models.brought.keras_file import open_keras
from models.brought.saved_model import open_saved_model
from models.brought.truths import form_of_truth, kinds_of_truth
from models.contract import SIGNATURE_TENSORS
from models.places import OWN
from models.roles.table import heads
from pipeline.new import folder
from pipeline.new.asked import Asked
from pipeline.new.places import Place, places_of
from pipeline.new.probes import PROBES, Tried, tried
from pipeline.new.readers import readings
from pipeline.new.schema import HEAD, tensor

NOTHING = Asked()
MAX_BYTES = 1 << 30
# The examples of all splits have at most so many values, but no split has fewer than the least.
BUDGET, LEAST, MOST = 2_500_000, 16, 128
TRAIN, EVAL = 64, 16
# Clients read golden.json whole.
GOLDEN_BYTES, GOLDEN = 2_000_000, 16
# If the answers to made-up inputs differ by less, the model does not distinguish inputs.
ALIKE = 1e-5
# The ends of the names of layers whose operators TensorFlow Lite leaves in float32 in the variant
# int8, and therefore refuses in the variant that has nothing but bytes.
_FLOATS = ("Attention", "LayerNormalization", "RMSNormalization")


@dataclass(frozen=True)
class _Found:
    """A model as it was found.

    Attributes:
        source: its file or folder.
        copied: the name of its copy.
        tried: what trying it out showed.
        needs_floats: whether it has layers that eight bits cannot hold.
    """

    source: Path
    copied: str
    tried: Tried
    needs_floats: bool = False

    @property
    def values(self) -> int:
        """Returns how many values an example and its answers have."""
        shapes = [place.shape for place in self.tried.inputs]
        shapes += [answer.output.shape for answer in self.tried.outputs]
        return sum(prod(shape) for shape in shapes)

    @property
    def counts(self) -> dict[str, int]:
        """Returns how many examples each split has."""
        fitting = max(LEAST, min(MOST, BUDGET // self.values))
        return {"train": min(TRAIN, fitting), "eval": min(EVAL, fitting), "test": fitting}

    @property
    def golden(self) -> int:
        """Returns how many examples a release carries."""
        one = sum(_printed(values[:1]) for values in self.tried.probes.values())
        outputs = self.values - sum(prod(place.shape) for place in self.tried.inputs)
        # A float32 that is printed as float64 has up to 22 characters.
        return max(1, min(GOLDEN, GOLDEN_BYTES // (one + 22 * outputs)))


def create(
    name: str, source: Path, *, asked: Asked = NOTHING, models: Path = OWN
) -> tuple[Path, str]:
    """Returns the new folder, which has a copy of the model, and the facts about it in words.

    Args:
        source: a file of Keras, or a SavedModel's folder.
        asked: what the user says of it.

    Raises:
        UserError: the model cannot be loaded, or cannot be compared.
    """
    folder.check_name(name, models)
    _check_size(source)
    found = _saved_model(source, asked) if source.is_dir() else _keras(source, asked)
    values = _values(name, found, asked)
    written = folder.write(name, "existing", values, models, {found.copied: source})
    return written, _report(found)


def _check_size(source: Path) -> None:
    if not source.exists():
        raise UserError(f"{source} does not exist")
    files = source.rglob("*") if source.is_dir() else iter([source])
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size > MAX_BYTES:
        raise UserError(f"{source} must have at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB")


def _keras(file: Path, asked: Asked) -> _Found:
    opened = open_keras(file, trusted=asked.trusted)
    kinds = {type(layer).__name__ for layer in _layers(opened.tracked)}
    known = readings(opened.tracked)
    places = places_of(opened.inputs, file, asked.shapes, known)
    if kinds & {"Rescaling", "Normalization"}:
        places = tuple(_rescaled(place) for place in places)
    result = tried(file, opened, places, asked.roles)
    return _Found(file, "model.keras", result, any(kind.endswith(_FLOATS) for kind in kinds))


def _rescaled(place: Place) -> Place:
    """Returns a picture with the usual range, where a later layer rescales it."""
    if not (place.is_picture and place.is_assumed):
        return place
    return replace(place, reading=replace(place.reading, low=(0.0,), high=(255.0,)))


def _saved_model(source: Path, asked: Asked) -> _Found:
    opened = open_saved_model(source)
    places = places_of(opened.inputs, source, asked.shapes)
    return _Found(source, "saved_model", tried(source, opened, places, asked.roles))


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _values(name: str, found: _Found, asked: Asked) -> dict[str, str]:
    inputs, outputs = found.tried.inputs, found.tried.outputs
    known = "".join(place.values_source() for place in inputs)
    counts = found.counts
    described = f"{found.source.name}, which was trained elsewhere."
    return {
        "name": name,
        "described": folder.literal(described),
        "source": found.source.name,
        "option": "--saved-model" if found.source.is_dir() else "--keras",
        "copied": found.copied,
        "digest": digest_of(found.source),
        "inputs": "(\n" + "".join(place.source() for place in inputs) + "    )",
        "names": folder.dict_of({place.name: place.theirs for place in inputs}, 8),
        "outputs": "(\n" + "".join(answer.source() for answer in outputs) + "    )",
        "answers": folder.dict_of({each.output.name: each.theirs for each in outputs}, 8),
        "values_import": "from models.brought.made_up import Values\n" if known else "",
        "values": f"{{\n{known}    }}" if known else "{}",
        "trusted": str(asked.trusted),
        "batch": repr(found.tried.batch),
        "signature": folder.literal(SIGNATURE_TENSORS),
        "listed": "\n".join(f"  - `{place.name}`: {place.told}." for place in inputs),
        "answered": "\n".join(f"  - {answer.told}." for answer in outputs),
        "bytes": (
            "# No int8_uint8, which has only bytes: layers of this model need float32."
            if found.needs_floats
            else '"int8_uint8": QUANTISED,'
        ),
        "golden": str(found.golden),
        "web": str(min(64, counts["test"])),
        **{split: str(count) for split, count in counts.items()},
        "schema": _schema(found.tried),
    }


def _schema(result: Tried) -> str:
    # No other id has an answer. A range of numbers is only assumed, and stops no data.
    inputs = [
        tensor(
            place.name,
            place.shape,
            {"string": "BYTES", "float32": "FLOAT"}.get(place.dtype, "INT"),
            None if place.ids is None else place.range,
        )
        for place in result.inputs
    ]
    labels = []
    for head in heads(answer.output for answer in result.outputs):
        if head.label_key:
            form = form_of_truth(head)
            whole = form.dtype.kind == "i"
            classes = (0, kinds_of_truth(head) - 1) if whole else None
            kind = "INT" if whole else "FLOAT"
            labels.append(tensor(head.label_key, form.shape[1:], kind, classes))
    return HEAD + "\n".join([*inputs, *labels])


def _report(found: _Found) -> str:
    result, counts = found.tried, found.counts
    lines = [f"input {place.name}: {place.told}" for place in result.inputs]
    lines += [answer.told for answer in result.outputs]
    lines += result.left_out
    lines.append(f"examples: {counts['test']} made-up inputs, and {counts['train']} to calibrate")
    lines += [answer.offer for answer in result.outputs if answer.offer]
    for name, spread in result.spread.items():
        if spread < ALIKE:
            lines.append(
                f"NOTE: its answers {name} to made-up inputs differ by at most {spread:.0e} of the "
                "largest. Comparing them says little about the targets: put real examples into "
                "data.py"
            )
        elif name in result.undecided:
            lines.append(
                f"NOTE: its decision {name} is the same for all {PROBES} made-up inputs that were "
                "tried, so a target that ignores its input may agree too. Set the ranges of your "
                "data in existing.py, or put real examples into data.py"
            )
    return "\n".join(lines)


def _printed(values: Array) -> int:
    """Returns how many characters the values have in JSON."""
    return len(json.dumps(values.tolist()))
