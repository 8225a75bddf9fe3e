"""Extreme but valid inputs: the ends of each range, mixtures of them, zero, the smallest numbers.

Operators that are right on ordinary inputs may overflow or lose everything here: softplus of 100,
the logarithm of a number that a runtime took for zero, a mask that swallows the scale.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.contract import SIGNATURE_TENSORS
from models.examples import plain
from models.spec import ModelSpec, Output, Tensor

# The ends of a range that a spec does not bound. An unbounded whole number may be an index, of
# which only the first two surely exist.
FLOATS, INTEGERS = (-100.0, 100.0), (0, 1)
# A denormal number, which some hardware takes for zero, and the smallest number that is normal.
SMALLEST = (1e-40, float(np.finfo(np.float32).tiny))
MIXTURES = 6
SEED = 7
FOLDER = "extremes"

Predict = Callable[[Mapping[str, Array]], dict[str, Array]]


def extreme_inputs(inputs: Sequence[Tensor]) -> dict[str, Array]:
    """Returns extreme inputs by name, one row per example: all inputs have the same number."""
    rows = {tensor.name: list(_rows(tensor)) for tensor in inputs}
    count = max(len(values) for values in rows.values())
    return {
        name: np.stack([values[row % len(values)] for row in range(count)])
        for name, values in rows.items()
    }


def extreme_set(
    inputs: Mapping[str, Array], outputs: tuple[Output, ...], predict: Predict
) -> Golden | None:
    """Returns the inputs to which the SavedModel gives finite answers, with these answers.

    The inputs have no true answers. Returns None when no input is left,
    because a model may refuse values that its spec does not exclude. A denormal input is left out
    when it matters to the model whether it is zero: for TensorFlow, that depends on its place in
    the tensor (findings/tensorflow-log-of-denormal-by-position.sh).

    Args:
        outputs: the spec's.
        predict: returns the SavedModel's answers by output; raises what TensorFlow raises.
    """
    import tensorflow as tf

    kept: list[tuple[int, dict[str, Array]]] = []
    for row in range(len(next(iter(inputs.values())))):
        example = {name: values[row : row + 1] for name, values in inputs.items()}
        flushed = {name: _flushed(values) for name, values in example.items()}
        denormal = any((flushed[name] != values).any() for name, values in example.items())
        try:
            answer = predict(example)
            same = not denormal or _close(answer, predict(flushed))
        except tf.errors.OpError:
            continue
        if same and all(np.isfinite(values).all() for values in answer.values()):
            kept.append((row, answer))
    if not kept:
        return None
    places = [row for row, _ in kept]
    return Golden(
        {name: values[places] for name, values in inputs.items()},
        {
            output.name: np.concatenate([answer[output.name] for _, answer in kept])
            for output in outputs
        },
        {},
        outputs,
    )


def _close(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return all(np.allclose(values, other[name]) for name, values in one.items())


def of_saved_model(saved_model: Path, spec: ModelSpec) -> Golden | None:
    """Returns the extreme set of a SavedModel's folder."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved_model))
    signature = loaded.signatures[SIGNATURE_TENSORS]

    def predict(inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = {
            tensor.name: tf.constant(inputs[tensor.name], tensor.dtype) for tensor in spec.inputs
        }
        answers = signature(**given)
        return {output.name: answers[output.name].numpy() for output in spec.outputs}

    inputs = extreme_inputs(spec.inputs)
    given = {name: plain(values) for name, values in inputs.items()}
    return extreme_set(given, spec.outputs, predict)


def save(extremes: Golden | None, golden_folder: Path) -> None:
    """Writes an extreme set beside the golden set."""
    if extremes is not None:
        extremes.save(golden_folder / FOLDER)


def load(golden_folder: Path) -> Golden | None:
    """Returns the extreme set beside a golden set; None when there is none."""
    folder = golden_folder / FOLDER
    return Golden.load(folder) if folder.is_dir() else None


def _flushed(values: Array) -> Array:
    """Returns the values with zero in place of denormal numbers."""
    if values.dtype.kind != "f":
        return values
    return np.where(np.abs(values) < np.finfo(values.dtype).tiny, 0, values).astype(values.dtype)


def _rows(tensor: Tensor) -> Iterator[Array]:
    """Yields one array of the tensor's shape for each kind of extreme."""
    if tensor.dtype == "string":
        for text in dict.fromkeys(["", str(tensor.missing or "")]):
            yield np.full(tensor.shape, text, object)
        return
    if tensor.dtype == "bool":
        for flag in (False, True):
            yield np.full(tensor.shape, flag)
        return
    dtype = np.dtype(tensor.dtype)
    low, high = _ends(tensor, dtype)
    ends = np.array([low, high], dtype)
    yield from (np.full(tensor.shape, end, dtype) for end in ends)
    random = np.random.default_rng(SEED)
    for _ in range(MIXTURES):
        yield ends[random.integers(0, 2, tensor.shape)]
    if dtype.kind == "f":
        zero = [0.0, *SMALLEST] if low <= 0 <= high else []
        yield from (np.full(tensor.shape, value, dtype) for value in zero)
    if isinstance(tensor.missing, (int, float)):
        yield np.full(tensor.shape, tensor.missing, dtype)


def _ends(tensor: Tensor, dtype: "np.dtype[Any]") -> tuple[float, float]:
    low, high = FLOATS if dtype.kind == "f" else INTEGERS
    return (
        low if tensor.minimum is None else tensor.minimum,
        high if tensor.maximum is None else tensor.maximum,
    )
