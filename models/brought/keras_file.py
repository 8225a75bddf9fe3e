"""Models in files of Keras."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import DataError, UserError
from models.brought.opened import Opened, by_name, distinct, typed


class UntrustedModelError(UserError):
    """The file holds code that would run when the file is loaded."""


def open_keras(file: Path, *, trusted: bool) -> Opened:
    """Returns the model in a file; ``tracked`` is the Keras model.

    Raises:
        UserError: ``load_keras`` raised it, or the model does not record its inputs.
    """
    import tensorflow as tf

    model = load_keras(file, trusted=trusted)
    # A Sequential model has outputs, but no output until it is called.
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise UserError(
            f"{file} holds a subclassed model, which does not record its inputs; give its "
            "SavedModel (model.export) with --saved-model"
        )
    names = distinct([tensor.name for tensor in model.inputs])
    specs = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype)
        for name, tensor in zip(names, model.inputs, strict=True)
    }

    def call(inputs: Mapping[str, Any]) -> dict[str, Any]:
        ordered = list(typed(inputs, specs).values())
        answer = model(ordered if len(ordered) > 1 else ordered[0], training=False)
        return by_name(answer, getattr(model, "output_names", ()))

    return Opened(specs, call, model)


def load_keras(file: Path, *, trusted: bool) -> Any:
    """Returns the Keras model in a ``.keras`` file.

    Raises:
        DataError: the file is missing.
        UntrustedModelError: it has Lambda layers, which are Python code, and is not trusted.
        UserError: it is not a ``.keras`` file, or this version of Keras cannot load it.
    """
    import keras

    version = _keras_version(file)
    try:
        return keras.models.load_model(file, compile=False, safe_mode=not trusted)
    except Exception as error:
        reason = " ".join(str(error).split())
        if "ambda" in reason and not trusted:
            raise UntrustedModelError(
                f"{file} has a Lambda layer: Python code that runs when the file is loaded. "
                "Replace it with a layer of Keras, or give --trust if you trust the file's author"
            ) from error
        if version != keras.__version__:
            versions = f"it was written by Keras {version}, this is Keras {keras.__version__}"
            reason = f"{versions}; {reason}"
        raise UserError(f"{file} cannot be loaded: {reason[:400]}") from error


def _keras_version(file: Path) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(
            f"{file} is not a .keras file; write one with model.save('model.keras')"
        ) from error
