"""Cell nuclei under a fluorescence microscope, from PyPI's package stardist."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.arrays import Array
from core.errors import DataError
from models.examples import Value
from models.nuclei.tiles import SIZE
from models.sources.wheels import Wheel

FOLDER = "stardist/data/images"
PICTURE, MASK = "img2d.tif", "mask2d.tif"
SOURCE = Wheel(
    package="stardist",
    version="0.9.2",
    digest="2316c0feb7bd5621e7a277cb3868df475c338943c591925c420ee3622c42f023",
    files={
        f"{FOLDER}/{PICTURE}": "f9ccc1571b92c861ff87e28463068b43f61bd47357ed0503f711e5cd1eb97750",
        f"{FOLDER}/{MASK}": "59ad5e820b7982ca9d13e946fa6e7f64e2714899e00a2ae6c69aa79aad53d46f",
    },
)
# The rows of pixels of each split, from the first to before the last. No pixel is in two splits.
ROWS = {"train": (0, 320), "eval": (320, 384), "test": (384, 512)}
# A new tile starts after this many pixels.
STEPS = {"train": 16, "eval": 32, "test": 32}
ORDER_SEED = 7


def fetch(cache: Path) -> None:
    """Puts the picture and its mask into ``cache``. Raises DataError if that is not possible."""
    SOURCE.fetch(cache)


def examples(cache: Path, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
    """Yields the split's tiles: ``image``, an encoded picture, and ``mask``, 0 or 1 for each pixel.

    Tiles overlap with others of the same split, in a fixed mixed order.

    Args:
        cache: the folder that ``fetch`` filled.
        split: ``train``, ``eval`` or ``test``.
        limit: the maximum number to yield; None yields all.

    Raises:
        DataError: a file is missing or is not the published one.
    """
    SOURCE.verify(cache)
    picture, nuclei = _read(cache / PICTURE), _read(cache / MASK)
    if picture.shape != nuclei.shape or picture.max() > 255:
        raise DataError(f"{cache / PICTURE} is not grey values up to 255 of the size of its mask")
    (first, last), step = ROWS[split], STEPS[split]
    corners = [
        (row, column)
        for row in range(first, last - SIZE.height + 1, step)
        for column in range(0, picture.shape[1] - SIZE.width + 1, step)
    ]
    for place in np.random.default_rng(ORDER_SEED).permutation(len(corners))[:limit]:
        row, column = corners[place]
        tile = np.s_[row : row + SIZE.height, column : column + SIZE.width]
        # The mask numbers the nuclei from 1.
        yield {"image": _encoded(picture[tile]), "mask": (nuclei[tile] > 0).astype(np.int64)}


def _read(file: Path) -> Array:
    with Image.open(file) as image:
        return np.asarray(image).astype(np.int64)


def _encoded(tile: Array) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(tile.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()
