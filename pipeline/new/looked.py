"""Looks at a model that was trained elsewhere, whatever its file is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.arrays import Array
from core.errors import UserError
from models.brought.batches import in_batches
from models.brought.keras_config import KerasConfig
from models.brought.keras_file import open_keras, trusted_config
from models.brought.opened import Opened
from models.brought.saved_model import functions_of, load_saved_model, opened_of
from models.contract import SIGNATURE_TENSORS
from pipeline.new.asked import Asked
from pipeline.new.keras2 import (
    as_keras_3,
    as_saved_model,
    difference,
    is_of_keras_2,
    is_same,
    load_keras_2,
)
from pipeline.new.places import Place, places_of
from pipeline.new.probes import Tried, predictor, tried
from pipeline.new.readers import readings
from pipeline.new.tables import readings_of_tables
from pipeline.new.tensorflow1 import has_reference_variables, with_constants

# The ends of the names of layers whose operators TensorFlow Lite leaves in float32 in the variant
# int8, and therefore refuses in the variant that has nothing but bytes.
_FLOATS = ("Attention", "LayerNormalization", "RMSNormalization")


@dataclass(frozen=True)
class Looked:
    """A model as it was found.

    Attributes:
        path: the file or folder to copy.
        opened: the model in it.
        tried: what trying it out showed.
        signature: the signature or function of a SavedModel.
        needs_floats: whether it has layers that eight bits cannot hold.
        notes: what else to say about it, as sentences.
    """

    path: Path
    opened: Opened
    tried: Tried
    signature: str = SIGNATURE_TENSORS
    needs_floats: bool = False
    notes: tuple[str, ...] = ()

    @property
    def copied(self) -> str:
        """Returns the name of its copy."""
        return "saved_model" if self.path.is_dir() else f"model{self.path.suffix.lower()}"

    def answers(self) -> dict[str, Array]:
        """Returns its answers to the made-up inputs that it was tried with."""
        return predictor(in_batches(self.opened.call, self.tried.batch))(self.tried.probes)


def look(source: Path, asked: Asked, scratch: Path) -> Looked:
    """Returns what a file of Keras or a SavedModel's folder holds.

    Args:
        source: the file or folder.
        asked: what the user says of it.
        scratch: a folder for a model that must be brought to another format.

    Raises:
        UserError: the model cannot be loaded, or cannot be compared.
    """
    if source.is_dir():
        return _saved_model(source, asked, scratch)
    saved = trusted_config(source, trusted=asked.trusted)
    if is_of_keras_2(saved):
        return _keras_2(source, saved, asked, scratch)
    return _keras(source, asked, source)


def _keras(file: Path, asked: Asked, source: Path) -> Looked:
    opened = open_keras(file, trusted=asked.trusted)
    kinds = {type(layer).__name__ for layer in _layers(opened.tracked)}
    places = places_of(opened.inputs, source, asked.shapes, readings(opened.tracked))
    if kinds & {"Rescaling", "Normalization"}:
        places = tuple(_rescaled(place) for place in places)
    needs_floats = any(kind.endswith(_FLOATS) for kind in kinds)
    result = tried(source, opened, places, asked.roles)
    return Looked(file, opened, result, needs_floats=needs_floats)


def _keras_2(file: Path, saved: KerasConfig, asked: Asked, scratch: Path) -> Looked:
    """Returns a model of Keras 2, brought to Keras 3 if its answers stay the same."""
    model = load_keras_2(file, saved, trusted=asked.trusted)
    if new := as_keras_3(model, scratch, trusted=asked.trusted):
        looked = _keras(new, asked, file)
        apart = difference(model, looked.tried.probes, looked.answers())
        if is_same(model, apart):
            note = (
                f"format: Keras {saved.version}, brought to Keras 3; answers differ by {apart:.0e}"
            )
            return replace(looked, notes=(note,))
    new = as_saved_model(model, scratch)
    looked = _of_loaded(new, load_saved_model(new), SIGNATURE_TENSORS, asked, file)
    return replace(looked, notes=(f"format: Keras {saved.version}, made into a SavedModel",))


def _saved_model(source: Path, asked: Asked, scratch: Path) -> Looked:
    loaded = load_saved_model(source)
    signature = _signature(source, loaded, asked.signature)
    notes: tuple[str, ...] = ()
    if signature not in {SIGNATURE_TENSORS, asked.signature}:
        notes = (f"signature: {signature}, the only one",)
    if not has_reference_variables(functions_of(loaded)[signature]):
        return replace(_of_loaded(source, loaded, signature, asked, source), notes=notes)
    new = with_constants(source, signature, scratch)
    looked = _of_loaded(new, load_saved_model(new), SIGNATURE_TENSORS, asked, source)
    return replace(looked, notes=(*notes, "format: TensorFlow 1, made into one of TensorFlow 2"))


def _of_loaded(path: Path, loaded: Any, signature: str, asked: Asked, source: Path) -> Looked:
    opened = opened_of(loaded, signature)
    known = readings_of_tables(functions_of(loaded)[signature], opened.inputs)
    places = places_of(opened.inputs, source, asked.shapes, known)
    return Looked(path, opened, tried(source, opened, places, asked.roles), signature)


def _signature(source: Path, loaded: Any, asked: str) -> str:
    """Returns the signature that the user asks for, the usual one, or the only one."""
    functions = functions_of(loaded)
    if asked:
        if asked not in functions:
            raise UserError(
                f"{source} has no signature {asked!r} of tensors; it has: "
                f"{', '.join(functions) or 'none'}"
            )
        return asked
    if SIGNATURE_TENSORS in functions:
        return SIGNATURE_TENSORS
    possible = [name for name in functions if name in loaded.signatures] or list(functions)
    if not possible:
        raise UserError(
            f"{source} has no signatures and no functions of tensors: write it anew with "
            "tf.saved_model.save(module, folder, signatures={'serving_default': function})"
        )
    if len(possible) > 1:
        raise UserError(
            f"{source} has no signature {SIGNATURE_TENSORS}; choose one with --signature: "
            f"{', '.join(possible)}"
        )
    return possible[0]


def _rescaled(place: Place) -> Place:
    """Returns a picture with the usual range, where a later layer rescales it."""
    if not (place.is_picture and place.is_assumed):
        return place
    return replace(place, reading=replace(place.reading, low=(0.0,), high=(255.0,)))


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)
