"""Models in files of Keras 2, brought to Keras 3, or into a SavedModel where Keras 3 lacks them.

Keras 3 reads the files of Keras 2 in HDF5, apart from a few words of their configuration. With its
layers a recurrent network can be traced without loops, and half precision in float32, which a
SavedModel cannot.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from models.brought.keras_config import KerasConfig
from models.brought.keras_file import cannot_load
from models.brought.opened import by_name
from models.roles.role import size_of
from models.tracing import OTHER_FLOATS

# The largest difference between the answers of the two versions, relative to the largest answer;
# networks that compute in half precision differ more.
SAME, SAME_HALF = 1e-4, 1e-2
# What Keras 2 writes and Keras 3 refuses, although it means nothing else.
_GONE = {"time_major": False}


def is_of_keras_2(saved: KerasConfig) -> bool:
    """Returns whether a file was written by Keras 2 or 1."""
    return saved.version.split(".")[0] in {"1", "2"}


def load_keras_2(file: Path, saved: KerasConfig, *, trusted: bool) -> Any:
    """Returns the model of Keras 2 in a file. Raises UserError if it cannot be loaded."""
    import tf_keras

    try:
        return tf_keras.models.load_model(file, compile=False, safe_mode=not trusted)
    except Exception as error:
        raise cannot_load(file, saved, f"tf_keras {tf_keras.__version__}", error) from error


def as_keras_3(model: Any, folder: Path, *, trusted: bool) -> Path | None:
    """Returns a ``.keras`` file of Keras 3 with a model of Keras 2; None if Keras 3 refuses it.

    Args:
        model: the model of Keras 2.
        folder: where to write.
        trusted: whether code in Lambda layers may be run.
    """
    import h5py
    import keras

    between, file = folder / "keras2.h5", folder / "model.keras"
    try:
        model.save(between)
        with h5py.File(between, "r+") as content:
            config = json.loads(content.attrs["model_config"])
            content.attrs["model_config"] = json.dumps(_for_keras_3(config))
        new = keras.models.load_model(between, compile=False, safe_mode=not trusted)
        new.save(file)
    # Whatever it is that Keras 3 does not know, TensorFlow still runs it.
    except Exception:
        file.unlink(missing_ok=True)
        return None
    return file


def as_saved_model(model: Any, folder: Path) -> Path:
    """Returns a SavedModel with a model of Keras 2."""
    place = folder / "saved_model"
    shutil.rmtree(place, ignore_errors=True)
    model.export(str(place))
    return place


def difference(model: Any, inputs: Mapping[str, Array], answers: Mapping[str, Array]) -> float:
    """Returns how far a model of Keras 2 is from given answers, relative to the largest.

    Args:
        model: the model of Keras 2.
        inputs: its inputs, in its own order.
        answers: the answers of its counterpart in Keras 3, in their own order.
    """
    ordered = list(inputs.values())
    own = by_name(model(ordered if len(ordered) > 1 else ordered[0], training=False))
    if len(own) != len(answers):
        return float("inf")
    largest = 0.0
    for mine, other in zip(own.values(), answers.values(), strict=True):
        values = np.asarray(mine).astype(np.float64)
        if values.shape != other.shape:
            return float("inf")
        apart = np.abs(values - other.astype(np.float64)).max(initial=0.0)
        largest = max(largest, float(apart) / size_of(values))
    return largest


def is_same(model: Any, difference: float) -> bool:
    """Returns whether a difference is nothing but rounding."""
    half = any(getattr(layer, "compute_dtype", "") in OTHER_FLOATS for layer in model.layers)
    return difference <= (SAME_HALF if half else SAME)


def _for_keras_3(config: Any) -> Any:
    """Returns a configuration of Keras 2 in the words of Keras 3."""
    if isinstance(config, list):
        return [_for_keras_3(each) for each in config]
    if not isinstance(config, Mapping):
        return config
    if config.get("class_name") == "Policy":
        policy = {"name": config["config"]["name"]}
        return {"module": "keras", "class_name": "DTypePolicy", "config": policy}
    return {
        name: _for_keras_3(value)
        for name, value in config.items()
        if not (name in _GONE and value == _GONE[name])
    }
