"""Weights of about one byte each that answer nearly as float32 does: the form ``quantised``.

TensorFlow.js stores a tensor as integers with one scale and one minimum. Rounding the kernels of
convolutions to the nearest of 256 levels changes too many answers. Two methods fix that, both with
the help of training examples:

- A kernel's weights are rounded one after the other. The effect of each rounding on the layer's
  output is compensated by the weights that are still to come (GPTQ, Frantar et al., 2022). The
  outputs then move about a quarter as far.
- A kernel to which the answers are more sensitive gets more levels, twice as many at a time, until
  the answers move by no more than BOUND. Its numbers then take two bytes each, which compression
  reduces to little more than one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from web.conversion.calibration_graph import CalibrationGraph, rounded_kernels
from web.conversion.graph_model import Array, GraphModel, Stored

# The root mean square change of an output that rounding may cause, relative to its largest value.
# It is about that of half precision in the fashion model. In three trainings of that model, 0, 3
# and 5 of ten thousand test pictures got another class; with 6e-4 it was up to 9, and the limit is
# 10.
BOUND = 4e-4
LEAST_BITS, MOST_BITS = 8, 16
# Twice as many levels reduce a mean square change to this share: the steps are half as long.
FINER = 1 / 4
# Added to the diagonal of the second moments, as a share of its mean: it keeps them invertible
# where inputs are always 0.
DAMPING = 0.01


def quantised(model: GraphModel, examples: Callable[[], Mapping[str, Array]]) -> dict[str, Stored]:
    """Returns the kernels of convolutions and dense layers as integers, by name.

    The kernels of a model with lookup tables are left unchanged: such a model has parts that run
    before the first prediction, and its graph alone does not run them.

    Args:
        examples: returns raw inputs by name, one row per example; called if there are kernels.
    """
    names = rounded_kernels(model)
    if not names:
        return {}
    graph = CalibrationGraph(model, examples())
    exact = graph.outputs({})
    sizes = {name: np.abs(values).max(initial=0.0) or 1.0 for name, values in exact.items()}
    kernels = {name: Kernel(model.weights[name], graph.moments(name)) for name in names}
    bits = dict.fromkeys(kernels, LEAST_BITS)
    stored = {name: kernel.rounded(bits[name]) for name, kernel in kernels.items()}

    def change(names: Iterable[str]) -> float:
        """Returns the mean square change of the outputs when these kernels are rounded."""
        rounded = {name: stored[name].restored() for name in names}
        changed = graph.outputs(rounded)
        return max(
            (
                float(np.mean(((changed[name] - values) / sizes[name]) ** 2))
                for name, values in exact.items()
            ),
            default=0.0,
        )

    changes = {name: change([name]) for name in kernels}
    # The sum estimates the change from all of them together, and needs no run.
    while sum(changes.values()) > BOUND**2 or change(kernels) > BOUND**2:
        coarse = [name for name in kernels if bits[name] < MOST_BITS]
        if not coarse:
            break
        chosen = _cheapest(coarse, changes, {name: kernels[name].weights.size for name in coarse})
        bits[chosen] += 1
        changes[chosen] *= FINER
        stored[chosen] = kernels[chosen].rounded(bits[chosen])
    return stored


def _cheapest(names: Sequence[str], changes: Mapping[str, float], sizes: Mapping[str, int]) -> str:
    """Returns the kernel that gets more levels next.

    It is the smallest one that suffices to get below the bound. If none does, it is the one with
    the largest gain for its size.
    """
    total = sum(changes.values())
    enough = [name for name in names if total - changes[name] * (1 - FINER) <= BOUND**2 < total]
    if enough:
        return min(enough, key=lambda name: sizes[name])
    return max(names, key=lambda name: changes[name] / sizes[name])


@dataclass(frozen=True)
class Kernel:
    """A kernel to round.

    Attributes:
        weights: the kernel; its last dimension is the layer's outputs.
        moments: the second moments of the values that the rows of weights are multiplied with, in
            the shape (rows, rows).
    """

    weights: Array
    moments: Array

    def rounded(self, bits: int) -> Stored:
        """Returns the weights on a grid of 2 ** bits levels, from the least to the greatest."""
        least, greatest = float(self.weights.min()), float(self.weights.max())
        top = 2**bits - 1
        scale = (greatest - least) / top or 1.0  # all weights are equal
        rows = self.weights.reshape(-1, self.weights.shape[-1]).astype(np.float64)
        # The inputs that matter most come first, while many weights are left to compensate.
        order = np.argsort(-np.diag(self.moments), kind="stable")
        left = (rows[order] - least) / scale
        damping = DAMPING * np.mean(np.diag(self.moments)) + np.finfo(np.float32).tiny
        moments = self.moments[np.ix_(order, order)] + damping * np.eye(len(rows))
        factor = np.linalg.cholesky(np.linalg.inv(moments)).T
        levels = np.empty_like(left)
        for row in range(len(left)):
            levels[row] = np.clip(np.round(left[row]), 0, top)
            error = (left[row] - levels[row]) / factor[row, row]
            left[row + 1 :] -= np.outer(factor[row, row + 1 :], error)
        values = np.empty_like(levels, dtype=np.uint8 if bits <= 8 else np.uint16)
        values[order] = levels
        quantization = {
            "dtype": values.dtype.name,
            "min": least,
            "scale": scale,
            "original_dtype": "float32",
        }
        return Stored(values.reshape(self.weights.shape), quantization)
