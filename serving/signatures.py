"""Compares a model's other signatures with the golden set on a few examples."""

import io
from typing import Any

import numpy as np

from core.agreement.bounds import Differences, bound_of
from core.agreement.golden import Golden
from core.arrays import Array
from models import spec as specs
from models.contract import SIGNATURE_ENCODED, SIGNATURE_EXAMPLES
from models.spec import Limits, ModelSpec
from serving.client import Client

SAMPLE = 16
# The form of the weights in a SavedModel.
VARIANT = "float32"


def disagreement(client: Client, model: str, golden: Golden, limits: Limits) -> str:
    """Returns what is wrong with ``serving_bytes`` and ``serving_examples``; empty if nothing.

    For a model that takes pictures, the golden set's raw pixels, losslessly encoded, must get the
    same answers from both signatures. For any other model, its raw values as tf.Examples, with
    missing values left out, must get the same answers. Raises RequestFailed when the server
    refuses a request.
    """
    if model not in specs.known_models():
        return ""
    inputs = _inputs(specs.load(model), golden.examples.head(SAMPLE))
    problems = []
    for name in inputs.keys() & client.signatures().keys():
        answers = client.outputs(inputs[name], signature=name)
        for output, values in golden.outputs.items():
            expected = values[: len(inputs[name])]
            problems += [
                f"{name}: {problem}" for problem in _problems(answers.get(output), expected, limits)
            ]
    return "; ".join(sorted(problems))


def _problems(outputs: Array | None, expected: Array, limits: Limits) -> list[str]:
    if outputs is None or outputs.shape != expected.shape:
        got = None if outputs is None else outputs.shape
        return [f"it answers with shape {got}, expected {expected.shape}"]
    return Differences.of(outputs, expected).violations(bound_of(VARIANT, limits))


def _inputs(spec: ModelSpec, golden: Golden) -> dict[str, Array]:
    encoded = pictures(spec, golden)
    if encoded is not None:
        return {
            SIGNATURE_ENCODED: encoded,
            SIGNATURE_EXAMPLES: examples(encoded, spec.encoded_input or ""),
        }
    stored = set(spec.module("features").FEATURES) - spec.answers
    if stored != {tensor.name for tensor in spec.inputs}:
        return {}  # the model's tf.Examples hold something other than its raw inputs
    return {SIGNATURE_EXAMPLES: raw_examples(spec, golden)}


def raw_examples(spec: ModelSpec, golden: Golden) -> Array:
    """Returns each example's raw inputs as a serialised tf.Example, without missing values."""
    from models.examples import serialized

    features = spec.module("features").FEATURES
    records = np.empty(len(golden), object)
    for row in range(len(golden)):
        values = {tensor.name: golden.inputs[tensor.name][row] for tensor in spec.inputs}
        records[row] = serialized(
            {
                tensor.name: _stored(np.asarray(value), features[tensor.name].dtype)
                for tensor, value in zip(spec.inputs, values.values(), strict=True)
                if not (tensor.missing is not None and value.size == 1 and value == tensor.missing)
            }
        )
    return records


def _stored(value: Array, dtype: Any) -> Array:
    """Returns a value in the type in which a tf.Example holds it: texts, int64 or float32."""
    if value.dtype.kind in "OSU":
        return value
    return value.astype(np.int64 if dtype.is_integer else np.float32)


def pictures(spec: ModelSpec, golden: Golden) -> Array | None:
    """Returns the examples as PNG files, bytes of shape (n,); None for models without pictures."""
    images = next((tensor.name for tensor in spec.inputs if tensor.kind == "image"), None)
    if spec.encoded_input is None or images is None or len(spec.inputs) != 1:
        return None
    pixels = golden.inputs[images]
    if not np.array_equal(pixels, pixels.round().clip(0, 255)):
        return None  # not whole grey values, which a PNG file cannot store
    files = np.empty(len(pixels), object)
    files[:] = [_png(image.astype(np.uint8)) for image in pixels]
    return files


def examples(encoded: Array, feature: str) -> Array:
    """Returns each picture as a serialised tf.Example."""
    from serving.server.dataplane.runtime import tensorflow

    train = tensorflow().train
    records = np.empty(len(encoded), object)
    records[:] = [
        train.Example(
            features=train.Features(
                feature={feature: train.Feature(bytes_list=train.BytesList(value=[file]))}
            )
        ).SerializeToString()
        for file in encoded
    ]
    return records


def _png(pixels: Array) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
