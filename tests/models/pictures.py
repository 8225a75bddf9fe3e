"""The pixels of encoded pictures, and what Transform's full pass learns from them."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from core.arrays import Array


def pixels(file: bytes) -> Array:
    """Returns a picture's values, (height, width, …)."""
    return np.asarray(Image.open(io.BytesIO(file)))


def learnt(rows: Iterable[Mapping[str, Any]]) -> dict[str, Array]:
    """Returns the mean and the variance of all pixels of the pictures ``image``."""
    values = np.concatenate([pixels(row["image"]).ravel() for row in rows])
    return {"image_mean": values.mean(), "image_variance": values.var()}
