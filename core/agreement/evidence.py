"""The evidence of checks on disk: one NumPy file per row, beside the rows themselves."""

import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote

import numpy as np

from core.agreement.checks import Check, Evidence, Key


def save_evidence(folder: Path, checks: Sequence[Check]) -> None:
    """Writes the evidence of every row that has any."""
    for check in checks:
        if check.evidence:
            np.savez_compressed(
                _file(folder, check.key),
                difference=check.evidence.difference,
                same=check.evidence.same,
                predicted=check.evidence.predicted,
                confidence=check.evidence.confidence,
            )


def read_evidence(folder: Path, key: Key) -> Evidence | None:
    """Returns a row's evidence; None when none was saved or the file cannot be read."""
    try:
        # When NumPy opens a broken file itself, it leaves the file open.
        with _file(folder, key).open("rb") as stream, np.load(stream) as saved:
            return Evidence(*(saved[field.name] for field in fields(Evidence)))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _file(folder: Path, key: Key) -> Path:
    # A runtime's name may hold spaces, parentheses and any other characters.
    return folder / f"evidence.{'.'.join(quote(part, safe='') for part in key)}.npz"
