"""The web target's part of a release: the site, with the facts about the release on its page."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from core.agreement.golden import Golden
from core.files import write_text
from models.contract import contract_text
from models.spec import ModelSpec
from web.site import layout, stamp


def place(model: str, version: int) -> PurePath:
    """Returns the target's folder itself: any web server can be pointed at it."""
    return PurePath()


def finish(folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]) -> None:
    """Writes the release's contract, samples, version and checks into the site.

    Where an optional site was refused, there is only the reason, and nothing to write.
    """
    if not (folder / layout.PACKAGE).is_file():
        return
    version = manifest["version"]
    texts = {
        layout.CONTRACT: contract_text(spec, version=version),
        layout.GOLDEN: samples.to_json(model=spec.name, version=version),
        **stamp.released(folder, manifest),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
