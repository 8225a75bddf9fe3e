"""Writes a model's data as TFRecords, one folder per split, for ImportExampleGen."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from core.files import sha256
from models.examples import write

_EPOCH_2000 = 946_684_800


def write_split(
    source: ModuleType, dataset: Path, split: str, folder: Path, limits: Mapping[str, int | None]
) -> int:
    """Writes a split as ``folder/<split>/<split>.tfrecord``; returns its number of examples.

    Args:
        source: the model's ``data`` module.
        dataset: the folder of its downloaded data.
        split: one of SPLITS.
        folder: the folder of all splits.
        limits: the maximum number of examples of each split; None for all.

    Raises:
        DataError: the data is damaged.
    """
    file = folder / split / f"{split}.tfrecord"
    count = write(source.examples(dataset, split, limits[split]), file)
    # ImportExampleGen identifies its input by size and time, so equal contents get equal times.
    seconds = _EPOCH_2000 + int(sha256(file)[:7], 16)
    os.utime(file, (seconds, seconds))
    return count
