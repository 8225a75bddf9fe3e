"""Models in SavedModels, whoever wrote them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from models.brought.opened import Opened, by_name, typed

# Signatures that TensorFlow adds, which hold no model.
_INTERNAL = "__saved_model"


def open_saved_model(folder: Path, signature: str) -> Opened:
    """Returns the model that a signature or a function of a SavedModel computes.

    Raises:
        UserError: it cannot be loaded.
    """
    return opened_of(load_saved_model(folder), signature)


def opened_of(loaded: Any, signature: str) -> Opened:
    """Returns the model that one of ``functions_of`` computes."""
    function = functions_of(loaded)[signature]
    specs = specs_of(function)
    positions, named = function.structured_input_signature

    def call(inputs: Mapping[str, Any]) -> dict[str, Any]:
        given = typed(inputs, specs)
        ordered = list(given.values())[: len(positions)]
        return by_name(function(*ordered, **{name: given[name] for name in named}))

    return Opened(specs, call, loaded)


def load_saved_model(folder: Path) -> Any:
    """Returns a loaded SavedModel. Raises UserError if it is none, or cannot be loaded."""
    import tensorflow as tf

    if not (folder / "saved_model.pb").is_file():
        raise UserError(f"{folder} is not a SavedModel: it has no saved_model.pb")
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder} cannot be loaded: {reason[:300]}") from error


def functions_of(loaded: Any) -> dict[str, Any]:
    """Returns the signatures of a SavedModel, and its functions of tensors, by name.

    A tf.Module may have functions and no signatures. A function that was saved for several kinds
    of inputs is not among them.
    """
    import tensorflow as tf

    functions = {
        name: function
        for name, function in loaded.signatures.items()
        if not name.startswith(_INTERNAL)
    }
    for name in sorted(set(dir(loaded)) - set(functions)):
        saved: Any = getattr(getattr(loaded, name, None), "concrete_functions", ())
        if len(saved) != 1:
            continue
        places, named = saved[0].structured_input_signature
        given = (*places, *named.values())
        if given and all(isinstance(spec, tf.TensorSpec) for spec in given):
            functions[name] = saved[0]
    return functions


def specs_of(function: Any) -> dict[str, Any]:
    """Returns the TensorSpec of each input of a function, by name; places come before names."""
    places, named = function.structured_input_signature
    names = [spec.name or f"input_{place}" for place, spec in enumerate(places)]
    return {**dict(zip(names, places, strict=True)), **dict(sorted(named.items()))}
