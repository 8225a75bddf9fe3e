"""The monitored features of an example: a few numbers and words that characterise the input.

A picture's 784 pixels change every day and mean nothing individually. Its brightness, its contrast,
its share of dark pixels and the size of the picture in its file do mean something. A table's
columns are monitored unchanged. Training data and requests go through the same function.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.arrays import Array
from models.spec import ModelSpec, Tensor

PREDICTED, CONFIDENCE = "predicted class", "confidence"
DARK = 0.25
PRESENT, MISSING = "given", "missing"


def describe(
    spec: ModelSpec, inputs: Mapping[str, Array], encoded: Sequence[bytes] | None = None
) -> dict[str, Array]:
    """Returns the monitored features by name: one value per example, NaN for a missing number.

    Args:
        inputs: the inputs of ``serving_default``, by name, with the batch dimension.
        encoded: the picture files, if the client sent files.
    """
    features: dict[str, Array] = {}
    for tensor in spec.inputs:
        values = np.asarray(inputs[tensor.name])
        if tensor.kind == "image":
            features |= _picture(tensor, values)
        elif values.size == len(values):
            features |= _column(tensor, values.reshape(-1))
        else:
            rows = values.reshape(len(values), -1).astype(np.float64)
            features[f"{tensor.name}.mean"] = rows.mean(axis=1)
            features[f"{tensor.name}.deviation"] = rows.std(axis=1)
    if encoded is not None:
        sizes = np.array([_size(file) for file in encoded], np.float64)
        features[f"{spec.encoded_input}.width"] = sizes[:, 0]
        features[f"{spec.encoded_input}.height"] = sizes[:, 1]
    return features


def describe_answers(spec: ModelSpec, outputs: Array) -> dict[str, Array]:
    """Returns the top class as a word, and its probability.

    Args:
        outputs: class probabilities of shape (n, classes).
    """
    top = outputs.argmax(axis=1)
    names = [spec.slice_name(f"{spec.label_key}={number}") for number in top.tolist()]
    return {
        PREDICTED: np.array(names, object),
        CONFIDENCE: outputs.max(axis=1).astype(np.float64),
    }


def _picture(tensor: Tensor, values: Array) -> dict[str, Array]:
    low = 0.0 if tensor.minimum is None else tensor.minimum
    high = 255.0 if tensor.maximum is None else tensor.maximum
    pixels = (values.reshape(len(values), -1).astype(np.float64) - low) / (high - low)
    return {
        f"{tensor.name}.brightness": pixels.mean(axis=1),
        f"{tensor.name}.contrast": pixels.std(axis=1),
        f"{tensor.name}.dark share": (pixels < DARK).mean(axis=1),
    }


def _column(tensor: Tensor, values: Array) -> dict[str, Array]:
    missing: Any = getattr(tensor, "missing", None)
    if values.dtype.kind in "OSU":
        words = [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values]
        # TFDV leaves out empty words, but missing values must be visible here.
        return {tensor.name: np.array([word or MISSING for word in words], object)}
    numbers = values.astype(np.float64)
    if missing is None:
        return {tensor.name: numbers}
    absent = np.isnan(numbers) | (numbers == missing)
    return {
        tensor.name: np.where(absent, np.nan, numbers),
        f"{tensor.name}.presence": np.where(absent, MISSING, PRESENT).astype(object),
    }


def _size(file: bytes) -> tuple[float, float]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(file)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return np.nan, np.nan
