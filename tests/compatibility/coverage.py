"""The public layers and activations that no row stands for, and why."""

import inspect
from typing import Any

REASONS = {
    "Layer": "the base class of all layers",
    "Wrapper": "the base class of layers that hold another layer",
    "InputLayer": "the input of every row",
    "InputSpec": "describes an input; not a layer",
    "FlaxLayer": "runs code of Flax, which needs the JAX backend",
    "JaxLayer": "runs code of JAX, which needs the JAX backend",
    "TorchModuleWrapper": "runs code of PyTorch, which needs the PyTorch backend",
    "TFSMLayer": "runs a SavedModel; `fanout new --saved-model` takes the SavedModel itself",
    "MaxNumBoundingBoxes": "pads the bounding boxes of training labels; no output of a model",
    "deserialize": "finds an activation by its description",
    "get": "finds an activation by its name",
    "serialize": "describes an activation",
}


def public_layers() -> dict[str, Any]:
    """Returns the classes in keras.layers by name; several names may mean one class."""
    import keras

    members = vars(keras.layers)
    return {name: value for name, value in members.items() if inspect.isclass(value)}


def public_activations() -> dict[str, Any]:
    """Returns the functions in keras.activations by name."""
    import keras

    members = vars(keras.activations)
    return {name: value for name, value in members.items() if inspect.isfunction(value)}
