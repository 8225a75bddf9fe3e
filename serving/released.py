"""The serving target's part of a release: its path, and the example requests beside it."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from core.agreement.golden import Golden
from models.spec import ModelSpec


def place(model: str, version: int) -> PurePath:
    """Returns ``<model>/<version>``: the layout that TensorFlow Serving expects."""
    return PurePath(model, str(version))


def finish(folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]) -> None:
    """Writes requests with real inputs, and the curl commands that send them."""
    from serving import examples

    examples.write(folder, spec=spec, golden=samples, version=manifest["version"])
