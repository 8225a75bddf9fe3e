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
from models.roles.role import Head
from models.spec import ModelSpec, Tensor

PREDICTED, CONFIDENCE, VALUE = "predicted class", "confidence", "predicted value"
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


def describe_answers(heads: Sequence[Head], outputs: Mapping[str, Array]) -> dict[str, Array]:
    """Returns what the model answers: classes as words with their probabilities, or numbers.

    A head whose answer is neither one class nor one number is described by the mean and the
    deviation of each example's values.

    Args:
        heads: the model's.
        outputs: an array for each output, with one row per example.
    """
    features: dict[str, Array] = {}
    for head in heads:
        of = "" if len(heads) == 1 else f"{head.name}: "
        decided, sure = head.summary(outputs)
        if np.isfinite(decided).all() and np.isfinite(sure).all():
            names = [_class(head, int(number)) for number in decided]
            features[f"{of}{PREDICTED}"] = np.array(names, object)
            features[f"{of}{CONFIDENCE}"] = sure.astype(np.float64)
        elif np.isfinite(decided).all():
            features[f"{of}{VALUE}"] = decided
        else:
            for output in head.outputs:
                rows = outputs[output.name].reshape(len(outputs[output.name]), -1)
                features[f"{output.name}.mean"] = rows.astype(np.float64).mean(axis=1)
                features[f"{output.name}.deviation"] = rows.astype(np.float64).std(axis=1)
    return features


def _class(head: Head, number: int) -> str:
    labels = head.outputs[0].labels
    return labels[number] if 0 <= number < len(labels) else f"class {number}"


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
