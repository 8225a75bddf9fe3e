"""Inputs that are made up."""

import numpy as np

from models.brought.made_up import made_up
from models.spec import Tensor


def test_pictures_differ_also_where_a_network_averages_them() -> None:
    tensor = Tensor("image", "uint8", (64, 96, 3), "", minimum=0, maximum=255, kind="image")
    pictures = made_up(tensor, 8, np.random.default_rng(0))
    assert (pictures.dtype, pictures.shape) == (np.uint8, (8, 64, 96, 3))
    assert (pictures.min(), pictures.max()) == (0, 255)
    # A quarter of each area is noise; means over noise alone would differ by 2 of 255.
    quarters = pictures.reshape(8, 2, 32, 2, 48, 3).mean(axis=(2, 4))
    assert quarters.std(axis=0).min() > 5
    small = made_up(
        Tensor("image", "float32", (4, 4, 1), "", 0, 1, "image"), 2, np.random.default_rng(0)
    )
    assert len(np.unique(small)) > 4
