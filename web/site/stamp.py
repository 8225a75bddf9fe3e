"""Writes into a site the release that it belongs to, for the page to show."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from web.site import layout

SHOWN = ("schema", "model", "version", "created", "fingerprint", "metrics", "checks")


def unreleased(site: Path) -> None:
    """Writes released.json for a site that does not belong to a release yet."""
    nothing: dict[str, object] = {
        "schema": 1,
        "version": None,
        "created": None,
        "metrics": {},
        "checks": [],
    }
    (site / layout.RELEASED).write_text(json.dumps(nothing) + "\n")


def released(site: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Returns the contents of the site's files that describe the release, from its manifest."""
    shown = {name: manifest[name] for name in SHOWN}
    package = json.loads((site / layout.PACKAGE).read_text())
    package["version"] = f"{manifest['version']}.0.0"
    return {
        layout.RELEASED: json.dumps(shown, indent=1) + "\n",
        layout.PACKAGE: json.dumps(package, indent=2) + "\n",
    }
