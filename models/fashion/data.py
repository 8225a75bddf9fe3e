"""Fashion-MNIST: 70,000 grey pictures of clothes, 28 × 28, in ten classes (Xiao et al., 2017).

The four original files come from the machine's own copy, from Debian's package (without root),
or from Keras' download, in that order. The SHA-256 of their uncompressed contents is verified:
the compressed files differ from one distributor to the next.
"""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from models.examples import Value
from models.sources import debian

SHA256 = {
    f"{name}-ubyte.gz": digest
    for name, digest in (
        ("train-images-idx3", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        ("train-labels-idx1", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        ("t10k-images-idx3", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        ("t10k-labels-idx1", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    )
}
PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
DOWNLOAD = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"  # where Keras has it from
EVAL_EXAMPLES = 5000
SPLIT_SEED = 20_170_825


def fetch(cache: Path) -> None:
    """Puts the four files into ``cache``. If all four exist, they are only verified.

    Raises:
        DataError: none of the sources has the files, or the files are not Fashion-MNIST.
    """
    if all((cache / name).is_file() for name in SHA256):
        verify(cache)
        return
    partial = cache.with_name(cache.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _collect(partial, cache.with_name(cache.name + ".apt"))
    verify(partial)
    shutil.rmtree(cache, ignore_errors=True)
    partial.replace(cache)


def verify(folder: Path) -> None:
    """Raises DataError unless all four files exist, are complete and are the published ones."""
    for name, expected in SHA256.items():
        got = hashlib.sha256(_unzip(folder / name)).hexdigest()
        if got != expected:
            raise DataError(
                f"{folder / name} is not the file of Fashion-MNIST: the SHA-256 of its contents is "
                f"{got}, not {expected}; delete it to have it fetched again"
            )


def examples(cache: Path, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
    """Yields the split's examples: ``image`` is a PNG file, ``label`` the index of the class.

    Args:
        cache: the folder that ``fetch`` filled.
        split: ``train`` or ``eval``, both from the official training images; ``test``, the
            official test images.
        limit: the maximum number to yield; None yields all.

    Raises:
        DataError: a file is missing or damaged.
    """
    import tensorflow as tf

    source = "t10k" if split == "test" else "train"
    images = _images(cache / f"{source}-images-idx3-ubyte.gz")
    labels = _labels(cache / f"{source}-labels-idx1-ubyte.gz")
    rows = _rows(split, len(labels))[:limit]
    pictures = tf.data.Dataset.from_tensor_slices(images[rows][..., None])
    encoded = pictures.map(tf.io.encode_png, num_parallel_calls=tf.data.AUTOTUNE)
    for picture, label in zip(encoded.as_numpy_iterator(), labels[rows], strict=True):
        yield {"image": picture, "label": int(label)}


def _rows(split: str, count: int) -> npt.NDArray[np.int64]:
    if split == "test":
        return np.arange(count)
    shuffled = np.random.default_rng(SPLIT_SEED).permutation(count)
    return shuffled[-EVAL_EXAMPLES:] if split == "eval" else shuffled[:-EVAL_EXAMPLES]


def _collect(into: Path, apt_state: Path) -> None:
    reasons = []
    if INSTALLED.is_dir():
        source = INSTALLED
    else:
        try:
            suite = debian.Distribution.here().suite
            debian.unpack([PACKAGE], suite, into / "package", work=apt_state)
            source = into / "package" / INSTALLED.relative_to("/")
        except debian.PackageError as error:
            reasons.append(str(error))
            source = _downloaded(into / "download", reasons)
    for name in SHA256:
        shutil.copyfile(source / name, into / name)
    for leftover in ("package", "download"):
        shutil.rmtree(into / leftover, ignore_errors=True)


def _downloaded(folder: Path, reasons: list[str]) -> Path:
    import keras

    folder.mkdir()
    try:
        for name in SHA256:
            keras.utils.get_file(name, DOWNLOAD + name, cache_dir=str(folder), cache_subdir="")
    except Exception as error:
        reasons.append(str(error))
        raise DataError(
            "Fashion-MNIST could not be fetched from "
            f"{INSTALLED}, Debian's package {PACKAGE} or Keras' download: " + "; ".join(reasons)
        ) from error
    return folder


def _unzip(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file} is damaged ({error}); delete it to have it fetched again"
        ) from error


def _images(file: Path) -> npt.NDArray[np.uint8]:
    # The idx format: magic number, count, rows, columns as big-endian int32, then the pixels.
    return np.frombuffer(_unzip(file), np.uint8, offset=16).reshape(-1, 28, 28)


def _labels(file: Path) -> npt.NDArray[np.uint8]:
    return np.frombuffer(_unzip(file), np.uint8, offset=8)
