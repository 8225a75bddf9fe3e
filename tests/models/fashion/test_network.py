"""The fashion network's optimizer: Muon for kernels of convolutions, AdamW for all else."""

from typing import Any

import numpy as np
import pytest

from models.fashion.network import ConvolutionMuon

RATE = 0.01


@pytest.fixture
def moved() -> tuple[Any, Any]:
    """The first step's changes of a convolution's kernel and of a matrix."""
    import keras

    random = np.random.default_rng(3)
    # A gradient whose directions are of very different lengths.
    left, _ = np.linalg.qr(random.normal(size=(36, 8)))
    right, _ = np.linalg.qr(random.normal(size=(8, 8)))
    slope = (left * np.geomspace(1, 20, 8)) @ right
    variables = [keras.Variable(np.zeros(shape, np.float32)) for shape in ((3, 3, 4, 8), (36, 8))]
    slopes = [slope.reshape(variable.shape).astype(np.float32) for variable in variables]
    optimizer = ConvolutionMuon(RATE, weight_decay=None, adam_weight_decay=None)
    optimizer.build(variables)
    optimizer.apply([keras.ops.convert_to_tensor(one) for one in slopes], variables)
    kernel, matrix = (variable.numpy().reshape(36, 8) for variable in variables)
    return kernel, matrix


def test_a_kernel_moves_equally_far_in_every_direction(moved: tuple[Any, Any]) -> None:
    lengths = np.linalg.svd(moved[0], compute_uv=False)
    assert lengths.max() / lengths.min() < 2, f"not moved as Muon moves it: {lengths}"


def test_all_else_moves_as_adam_moves_it(moved: tuple[Any, Any]) -> None:
    np.testing.assert_allclose(np.abs(moved[1]), RATE, rtol=0.01)
