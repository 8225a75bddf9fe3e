"""Models of pictures: one folder of files per class, decoded and scaled inside the graph."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError
from models.examples import Value
from models.splits import rows_of

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png"})
SEED = 7


@dataclass(frozen=True)
class Size:
    """The size of the network's input: height, width and channels (1 for grey, 3 for colours)."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    def decoded(self, encoded: Any) -> Any:
        """Returns pictures as float32 of shape (n, height, width, channels), values 0 to 255.

        Args:
            encoded: a string tensor of shape (n,): PNG, JPEG, GIF or BMP files. A picture that
                already has this size keeps its exact values.
        """
        import tensorflow as tf

        def one(file: Any) -> Any:
            image = tf.io.decode_image(file, channels=self.channels, expand_animations=False)
            image.set_shape((None, None, self.channels))
            resized = tf.image.resize(image, (self.height, self.width), method="area")
            return tf.ensure_shape(resized, self.shape)

        signature = tf.TensorSpec(self.shape, tf.float32)
        return tf.map_fn(one, encoded, fn_output_signature=signature)


@dataclass(frozen=True)
class PictureFolder:
    """A folder with one folder of picture files per class.

    Attributes:
        folder: its path.
        digest: the digest of the files' names and contents, which identifies them.
        labels: the names of the class folders, in the order of the classes.
    """

    folder: Path
    digest: str
    labels: tuple[str, ...]

    def verify(self) -> None:
        """Raises DataError unless the pictures exist and are those that were inspected."""
        if not self.folder.is_dir():
            raise DataError(f"{self.folder} is missing; its path is set in the model's data.py")
        got = digest_of(self.folder, self.labels)
        if got != self.digest:
            raise DataError(
                f"the pictures in {self.folder} changed: their digest is {got}. If that is "
                "intended, write this digest into the model's data.py"
            )

    def examples(self, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
        """Yields a split's files with their class, at most ``limit``; see verify() for errors."""
        self.verify()
        files = files_of(self.folder, self.labels)
        classes = [file.parent.name for file in files]
        for place in rows_of(split, classes, test=0.2, watch=0.1, seed=SEED)[:limit]:
            label = self.labels.index(classes[place])
            yield {"image": files[place].read_bytes(), "label": label}


def files_of(folder: Path, labels: tuple[str, ...]) -> list[Path]:
    """Returns the picture files of all classes, in a fixed order."""
    return [
        file
        for label in labels
        for file in sorted((folder / label).iterdir())
        if file.suffix.lower() in SUFFIXES
    ]


def digest_of(folder: Path, labels: tuple[str, ...]) -> str:
    """Returns the SHA-256 of the files' names and contents."""
    digest = hashlib.sha256()
    for file in files_of(folder, labels):
        contents = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.parent.name}/{file.name}\0{contents}\n".encode())
    return digest.hexdigest()
