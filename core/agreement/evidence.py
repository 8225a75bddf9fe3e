"""The evidence of checks on disk: one NumPy file a row, beside the rows themselves."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from core.agreement.checks import Check, Evidence, Key


def save_evidence(folder: Path, checks: Sequence[Check]) -> None:
    """Writes the evidence of every row that has some."""
    for check in checks:
        if check.evidence:
            np.savez_compressed(
                _file(folder, check.key),
                difference=check.evidence.difference,
                predicted=check.evidence.predicted,
                confidence=check.evidence.confidence,
            )


def read_evidence(folder: Path, key: Key) -> Evidence | None:
    """Returns the evidence of a row; None when none was saved or it is unreadable."""
    try:
        # NumPy leaves a file open that it opened itself and found broken.
        with _file(folder, key).open("rb") as stream, np.load(stream) as saved:
            return Evidence(saved["difference"], saved["predicted"], saved["confidence"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _file(folder: Path, key: Key) -> Path:
    # A runtime's name holds spaces, parentheses and what its authors like.
    return folder / f"evidence.{'.'.join(quote(part, safe='') for part in key)}.npz"
