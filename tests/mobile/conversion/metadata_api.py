"""The reference TensorFlow Lite Metadata API, in a folder of its own: it needs an old protobuf."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.files import sha256
from core.toolchain import EDGE_PYTHON, ROOT
from models.sources import debian

CACHE = ROOT / "build" / "tests" / "metadata-api"
LOCK = ROOT / "requirements" / "metadata-api.lock"
UV = ROOT / ".venv-tools" / "bin" / "uv"

_READ = """
import json, sys
from tflite_support import metadata
found = {}
for file in sys.argv[1:]:
    shown = metadata.MetadataDisplayer.with_model_file(file)
    labels = shown.get_associated_file_buffer("labels.txt").decode().splitlines()
    found[file] = {"metadata": json.loads(shown.get_metadata_json()), "labels": labels}
print(json.dumps(found))
"""


def read_with_the_api(files: list[Path]) -> dict[str, Any]:
    """Returns what the API reads of each file: its metadata's JSON and the packed labels.

    Skips, with the reason, where the package or the library that it links to cannot be had.
    """
    folder = _installed()
    libraries = ":".join(str(path) for path in folder.glob("libusb/usr/lib/*-linux-gnu"))
    done = subprocess.run(
        [EDGE_PYTHON, "-c", _READ, *files],
        check=True,
        env={**os.environ, "PYTHONPATH": str(folder / "packages"), "LD_LIBRARY_PATH": libraries},
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _installed() -> Path:
    stamp = CACHE / "made-from"
    if stamp.exists() and stamp.read_text() == sha256(LOCK):
        return CACHE
    shutil.rmtree(CACHE, ignore_errors=True)
    target = ["--python", EDGE_PYTHON, "--target", CACHE / "packages", "--only-binary", ":all:"]
    done = subprocess.run(
        [UV, "pip", "install", *target, "--require-hashes", "--no-deps", "-r", LOCK],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"tflite-support cannot be installed here: {done.stderr.strip()[-300:]}")
    try:
        suite = debian.Distribution.here().suite
        debian.unpack(["libusb-1.0-0"], suite, CACHE / "libusb", work=CACHE.parent / f"apt-{suite}")
    except debian.PackageError as error:
        pytest.skip(f"tflite-support needs libusb-1.0.so.0, which cannot be had here: {error}")
    stamp.write_text(sha256(LOCK))
    return CACHE
