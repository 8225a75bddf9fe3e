"""Models in files of Keras."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from models.brought.keras_config import KerasConfig
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
    """Returns the Keras model in a ``.keras`` file, or in a whole model's HDF5 file.

    Raises:
        DataError: the file is missing.
        UntrustedModelError: it has Lambda layers, which are Python code, and is not trusted.
        UserError: it is another kind of file, or this version of Keras cannot load it.
    """
    import keras

    saved = trusted_config(file, trusted=trusted)
    try:
        return keras.models.load_model(file, compile=False, safe_mode=not trusted)
    except Exception as error:
        raise cannot_load(file, saved, f"Keras {keras.__version__}", error) from error


def trusted_config(file: Path, *, trusted: bool) -> KerasConfig:
    """Returns the configuration of a model that may be loaded.

    Raises:
        UntrustedModelError: loading it would run code, and it is not trusted.
        UserError: it is another kind of file.
    """
    saved = KerasConfig.of(file)
    if saved.has_code and not trusted:
        raise UntrustedModelError(
            f"{file} has a Lambda layer: Python code that runs when the file is loaded. "
            "Replace it with a layer of Keras, or give --trust if you trust the file's author"
        )
    return saved


def cannot_load(file: Path, saved: KerasConfig, reader: str, error: Exception) -> UserError:
    """Returns the error that says why a file cannot be loaded, and what to do.

    Args:
        file: the file.
        saved: what it says about its model.
        reader: the library and version that cannot load it.
        error: what it raised.
    """
    if saved.foreign:
        return UserError(
            f"{file} needs code that is not in the file: {', '.join(saved.foreign)}. Where that "
            "code is, write a SavedModel with model.export('folder'), and give it with "
            "--saved-model"
        )
    reason = " ".join(str(error).split())[:400]
    written = f"it was written by Keras {saved.version}, this is {reader}; "
    return UserError(f"{file} cannot be loaded: {written}{reason}")
