"""Runs .tflite files in TensorFlow's own interpreter, which the converter's process has."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from core.arrays import Array
from models.contract import SIGNATURE_TENSORS


@contextmanager
def without_warning() -> Iterator[None]:
    """TensorFlow's interpreter is made in the context without the warning that it is deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated")
        yield


def opened(content: bytes, *, keep: bool = False) -> Any:
    """Returns TensorFlow's interpreter of a file; with ``keep``, all tensors can be read."""
    import tensorflow as tf

    kinds = tf.lite.experimental.OpResolverType
    with without_warning():
        interpreter = tf.lite.Interpreter(
            model_content=content,
            experimental_preserve_all_tensors=keep,
            # XNNPACK computes tensors of its own.
            experimental_op_resolver_type=kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            if keep
            else kinds.AUTO,
        )
    interpreter.allocate_tensors()
    return interpreter


def answers(content: bytes, examples: list[dict[str, Array]]) -> dict[str, Array]:
    """Returns a file's outputs by name, as real numbers, one row per example."""
    runner = opened(content).get_signature_runner(SIGNATURE_TENSORS)
    wanted, given = runner.get_input_details(), runner.get_output_details()
    rows = [
        runner(**{name: _stored(value, wanted[name]) for name, value in example.items()})
        for example in examples
    ]
    return {
        name: np.concatenate([real(row[name], given[name]) for row in rows]) for name in rows[0]
    }


def _stored(values: Array, detail: Mapping[str, Any]) -> Array:
    """Returns real numbers as the tensor holds them."""
    scale, zero_point = detail["quantization"]
    if not scale or values.dtype == detail["dtype"]:
        return values
    limits = np.iinfo(detail["dtype"])
    steps = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max)
    stored: Array = steps.astype(detail["dtype"])
    return stored


def real(values: Array, detail: Mapping[str, Any]) -> Array:
    """Returns what a tensor holds as real numbers."""
    scale, zero_point = detail["quantization"]
    return (values.astype(np.float64) - zero_point) * scale if scale else values
