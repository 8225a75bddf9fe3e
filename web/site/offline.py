"""Writes the descriptions of the site's files that the page and its worker need."""

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from core.files import sha256
from models.spec import ModelSpec
from web.site import layout

# The worker's own files, files that only checks and package managers read, and an answer that
# must never come from a store.
NOT_STORED = (
    *("worker.js", "release.js", "build.json", "types/*", "*.md"),
    *(layout.PACKAGE, layout.SERVER),
)
# Files that a first visit does not use, most of a site's bytes, are stored when first used.
STORED_LATER = (
    "model/*/*",
    "*.tflite",
    "assets/litert*",
    # For browsers without SIMD, the last of which came out years ago.
    "assets/tfjs-backend-wasm-????????.wasm",
)
COMPRESSED = (".br", ".gz")


def seal(site: Path, spec: ModelSpec) -> None:
    """Writes manifest.webmanifest, site.json, and release.js with the digest of every file.

    The worker accepts a release only when each file matches its digest: see app/worker/worker.ts.
    The page refuses to load from a site with another ``id``: see app/src/site.ts.
    """
    write_manifest(site, spec)
    (site / "site.json").unlink(missing_ok=True)
    stored = _digests(site)
    release = hashlib.sha256(json.dumps(stored).encode()).hexdigest()[:16]
    write_site(site, spec, release)
    stored = _digests(site)
    later = {name: digest for name, digest in stored.items() if _matches(name, STORED_LATER)}
    described = {
        "id": release,
        "files": {name: digest for name, digest in stored.items() if name not in later},
        "later": later,
        "versioned": layout.STAMPED,
    }
    (site / "release.js").write_text(f"self.RELEASE = {json.dumps(described, indent=1)};\n")


def write_site(site: Path, spec: ModelSpec, release: str) -> None:
    """Writes site.json: the forms of the weights, the default first, and the .tflite file."""
    tflite = layout.tflite_file(site, spec.name)
    document = {
        "schema": 1,
        "id": release,
        "weights": {
            form: (folder / "model.json").relative_to(site).as_posix()
            for form, folder in layout.model_folders(site, spec.limits["web"]).items()
        },
        "tflite": tflite.relative_to(site).as_posix() if tflite.is_file() else None,
    }
    (site / "site.json").write_text(json.dumps(document) + "\n")


def write_manifest(site: Path, spec: ModelSpec) -> None:
    """Writes manifest.webmanifest, which a browser needs to install the page as an app."""
    manifest = {
        "name": spec.title,
        "short_name": spec.name.capitalize(),
        "description": spec.description,
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#f5f5fa",
        "theme_color": "#4c4fd6",
        "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
    (site / "manifest.webmanifest").write_text(json.dumps(manifest, ensure_ascii=False) + "\n")


def _digests(site: Path) -> dict[str, str]:
    left_out = (*layout.STAMPED, *NOT_STORED)
    names = {
        file.relative_to(site).as_posix(): file
        for file in sorted(site.rglob("*"))
        if file.is_file() and file.suffix not in COMPRESSED
    }
    return {name: sha256(file) for name, file in names.items() if not _matches(name, left_out)}


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
