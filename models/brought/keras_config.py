"""What a file of Keras says about its model, read without loading the model."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError, UserError

# What other files are, by their suffix, and what to do instead.
_OTHERS: Mapping[str, str] = {
    ".ckpt": "a checkpoint, which has the weights only: load it into its model, and",
    ".data-00000-of-00001": "a checkpoint, which has the weights only: load it into its model, and",
    ".index": "a checkpoint, which has the weights only: load it into its model, and",
    ".json": "the architecture only: load its weights too, and",
    ".onnx": "a model of ONNX: convert it to a SavedModel, or",
    ".pb": "a graph: give the folder of its SavedModel with --saved-model, or",
    ".pt": "a model of PyTorch: build it in Keras, and",
    ".pth": "a model of PyTorch: build it in Keras, and",
    ".tflite": "a converted model: take the one that it was made from, and",
}
# Modules of Keras, of whatever version, and its models, which are not among the layers.
_OWN = ("keras.", "tf_keras.")
_MODELS = {"Functional", "Model", "Sequential"}
_SAVE = "save the whole model with model.save('model.keras')"


@dataclass(frozen=True)
class KerasConfig:
    """A model's configuration, as its file has it.

    Attributes:
        version: the version of Keras that wrote the file.
        config: the nested configuration of the model and its layers.
    """

    version: str
    config: Mapping[str, Any]

    @classmethod
    def of(cls, file: Path) -> "KerasConfig":
        """Returns the configuration in a ``.keras`` file, or in the whole model of an HDF5 file.

        Raises:
            DataError: the file is missing.
            UserError: it is another kind of file, or has weights only.
        """
        import h5py

        if not file.is_file():
            raise DataError(f"{file} is missing")
        if h5py.is_hdf5(file):
            return _of_hdf5(file)
        try:
            with zipfile.ZipFile(file) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
                return cls(str(version), json.loads(archive.read("config.json")))
        except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
            if what := _OTHERS.get(file.suffix.lower()):
                raise UserError(f"{file} is {what} {_SAVE}") from error
            raise UserError(
                f"{file} is not a .keras file, and not an .h5 file of Keras: {_SAVE}, or give a "
                "SavedModel with --saved-model"
            ) from error

    @property
    def has_code(self) -> bool:
        """Returns whether loading it would run Python code that is in the file."""
        return any(
            part["class_name"] == "Lambda" and not _named_function(part)
            for part in _parts(self.config)
        )

    @property
    def foreign(self) -> tuple[str, ...]:
        """Returns the classes and functions that it needs and that are not a part of Keras."""
        found = []
        for part in _parts(self.config):
            name, module = part["class_name"], part.get("module")
            if name == "Lambda" and (function := _named_function(part)):
                found.append(function)
            elif name == "function":
                found.append(str(part["config"]))
            elif "module" in part and not f"{module}.".startswith(_OWN):
                found.append(f"{module}.{name}" if module and "." in module else name)
        found += [name.rpartition(">")[2] for name in _layers(self.config)]
        return tuple(dict.fromkeys(found))


def _of_hdf5(file: Path) -> KerasConfig:
    import h5py

    with h5py.File(file) as content:
        attributes = dict(content.attrs)
    if "model_config" not in attributes:
        raise UserError(
            f"{file} has weights only, and the model's architecture is missing: load them into the "
            f"model (model.load_weights), and {_SAVE}"
        )
    config = attributes["model_config"]
    version = attributes.get("keras_version", "2")
    return KerasConfig(
        version.decode() if isinstance(version, bytes) else str(version), json.loads(config)
    )


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yields all objects in a configuration that have a class."""
    if isinstance(value, Mapping):
        if isinstance(value.get("class_name"), str) and "config" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _parts(each)


def _layers(value: Any) -> Iterator[str]:
    """Yields the classes of layers without a module, as HDF5 files have them, that Keras lacks."""
    import keras

    for part in _parts(value):
        layers = part["config"].get("layers") if isinstance(part["config"], Mapping) else None
        for layer in layers or ():
            name = layer["class_name"]
            if "module" not in layer and not hasattr(keras.layers, name) and name not in _MODELS:
                yield name


def _named_function(part: Mapping[str, Any]) -> str:
    """Returns the function that a Lambda layer names; empty where it has code instead."""
    config = part["config"] if isinstance(part["config"], Mapping) else {}
    function = config.get("function")
    if isinstance(function, str):
        return function
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        return str(function["config"])
    return ""
