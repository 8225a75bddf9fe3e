"""Writes what the page's worker needs to keep a whole release for use without network."""

import hashlib
import json
from pathlib import Path

from models.spec import ModelSpec
from pipeline.files import sha256

# A release writes its version into these after the build.
VERSIONED = ("contract.json", "golden.json")
# The worker's own files, and what only checks read.
NOT_STORED = ("worker.js", "release.js", "build.json")
COMPRESSED = (".br", ".gz")


def seal(site: Path, spec: ModelSpec) -> None:
    """Writes manifest.webmanifest, and release.js with the digest of every file of the site.

    The worker takes a release only when each file has its digest: see app/worker/worker.ts.
    """
    write_manifest(site, spec)
    files = {
        file.relative_to(site).as_posix(): sha256(file)
        for file in sorted(site.rglob("*"))
        if file.is_file() and file.suffix not in COMPRESSED
    }
    stored = {
        name: digest for name, digest in files.items() if name not in (*VERSIONED, *NOT_STORED)
    }
    release = {
        "id": hashlib.sha256(json.dumps(stored).encode()).hexdigest()[:16],
        "files": stored,
        "versioned": VERSIONED,
    }
    (site / "release.js").write_text(f"self.RELEASE = {json.dumps(release, indent=1)};\n")


def write_manifest(site: Path, spec: ModelSpec) -> None:
    """Writes what a browser needs to install the page as an app."""
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
