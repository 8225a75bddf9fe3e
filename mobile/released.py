"""The mobile target's part of a release: the files as they were converted and checked."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from core.agreement.golden import Golden
from models.spec import ModelSpec


def place(model: str, version: int) -> PurePath:
    """Returns the target's folder itself: the files' names say which model they are of."""
    return PurePath()


def finish(folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]) -> None:
    """Adds nothing: a device gets the contract and the examples from the release itself."""
