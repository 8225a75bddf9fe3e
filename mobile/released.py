"""The mobile target's part of a release: the converted and checked files, unchanged."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from core.agreement.golden import Golden
from models.spec import ModelSpec


def place(model: str, version: int) -> PurePath:
    """Returns the target's folder itself: the file names already contain the model's name."""
    return PurePath()


def finish(folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]) -> None:
    """Writes nothing: a device gets the contract and the examples from the release itself."""
