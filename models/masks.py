"""Models of pictures with masks: a file of the same name says the class of each pixel."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.arrays import Array
from core.errors import DataError
from models.examples import Value
from models.pictures import SEED, SUFFIXES, Size
from models.splits import rows_of

MASK = ".png"


@dataclass(frozen=True)
class MaskedPictures:
    """A folder of pictures, and a folder of masks with the same names.

    Attributes:
        folder, masks: their paths.
        digest: the digest of the files' names and contents, which identifies them.
        values: the values that the masks' pixels have, in the order of the classes.
    """

    folder: Path
    masks: Path
    digest: str
    values: tuple[int, ...]

    def verify(self) -> None:
        """Raises DataError unless the files exist and are those that were inspected."""
        for folder in (self.folder, self.masks):
            if not folder.is_dir():
                raise DataError(f"{folder} is missing; its path is set in the model's data.py")
        got = digest_of(self.folder, self.masks)
        if got != self.digest:
            raise DataError(
                f"the pictures in {self.folder} or their masks changed: their digest is {got}. If "
                "that is intended, write this digest into the model's data.py"
            )

    def examples(self, size: Size, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
        """Yields a split's picture files, and their masks in the size of the network's input.

        Args:
            limit: the maximum number to yield; None yields all.

        Raises:
            DataError: as verify().
        """
        self.verify()
        files = files_of(self.folder)
        for place in rows_of(split, [0] * len(files), test=0.2, watch=0.1, seed=SEED)[:limit]:
            classes = np.searchsorted(self.values, scaled(mask_of(files[place], self.masks), size))
            yield {"image": files[place].read_bytes(), "mask": classes}


def files_of(folder: Path) -> list[Path]:
    """Returns the picture files of a folder, in a fixed order."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


def mask_of(picture: Path, masks: Path) -> Path:
    """Returns the place of a picture's mask."""
    return masks / f"{picture.stem}{MASK}"


def pixels_of(mask: Path) -> Array:
    """Returns a mask's values, (height, width): grey values, or indices into its palette.

    Raises:
        ValueError: it has several channels.
        OSError: the file cannot be read.
    """
    from PIL import Image

    with Image.open(mask) as image:
        values = np.asarray(image)
    if values.ndim != 2:
        raise ValueError(f"{values.shape[2]} channels")
    return values.astype(np.int64)


def scaled(mask: Path, size: Size) -> Array:
    """Returns a mask's values in this size; each pixel has the value of the nearest one."""
    values = pixels_of(mask)
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64)
        for new, old in zip((size.height, size.width), values.shape, strict=True)
    )
    nearest: Array = values[rows[:, None], columns]
    return nearest


def digest_of(folder: Path, masks: Path) -> str:
    """Returns the SHA-256 of the names and contents of the pictures and their masks."""
    digest = hashlib.sha256()
    for file in files_of(folder):
        for part in (file, mask_of(file, masks)):
            contents = hashlib.sha256(part.read_bytes() if part.is_file() else b"").hexdigest()
            digest.update(f"{part.name}\0{contents}\n".encode())
    return digest.hexdigest()
