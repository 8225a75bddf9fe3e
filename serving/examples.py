"""Writes requests with real inputs next to a release's model, and the curl commands for them.

releases/<version>/serving/examples/
  curl.sh          sh curl.sh [http://host:port] runs all of them
  rows.json        {"instances": …}
  columns.json     {"inputs": …}
  encoded.json     encoded pictures, for models that take them
"""

import base64
import json
from pathlib import Path
from typing import Any

from core.agreement.golden import Golden
from core.files import write_text
from models.contract import SIGNATURE_ENCODED
from models.spec import ModelSpec
from serving import signatures

FOLDER = "examples"
SCRIPT = "curl.sh"
ROWS, COLUMNS, ENCODED = "rows.json", "columns.json", "encoded.json"
EXAMPLES = 2
DEFAULT_URL = "http://127.0.0.1:8501"


def write(folder: Path, *, spec: ModelSpec, golden: Golden, version: int) -> Path:
    """Writes the script and the request bodies to ``folder / "examples"``; returns the script.

    Args:
        folder: the serving target's folder in the release.
        spec: of the model.
        golden: the golden set, whose first examples are sent.
        version: of the release.
    """
    sample = golden.head(EXAMPLES)
    bodies: dict[str, Any] = {
        ROWS: {"instances": _rows(sample)},
        COLUMNS: {"inputs": {name: values.tolist() for name, values in sample.inputs.items()}},
    }
    pictures = signatures.pictures(spec, sample)
    if pictures is not None:
        bodies[ENCODED] = {
            "signature_name": SIGNATURE_ENCODED,
            "instances": [{"b64": base64.b64encode(file).decode()} for file in pictures],
        }
    target = folder / FOLDER
    for name, body in bodies.items():
        write_text(target / name, json.dumps(body, separators=(",", ":")) + "\n")
    write_text(target / SCRIPT, _script(spec.name, version, list(bodies)))
    return target / SCRIPT


def _rows(golden: Golden) -> list[Any]:
    columns = {name: values.tolist() for name, values in golden.inputs.items()}
    if len(columns) == 1:
        (only,) = columns.values()
        return list(only)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _script(model: str, version: int, files: list[str]) -> str:
    lines = [
        "#!/bin/sh",
        "# Queries a server of this release's model (this project's or TensorFlow Serving) for its",
        f"# state and for predictions: sh {SCRIPT} [{DEFAULT_URL}]",
        "set -eu",
        f'url="${{1:-{DEFAULT_URL}}}/v1/models/{model}"',
        'cd "$(dirname "$0")"',
        "",
        'curl -fsS "$url"; echo',
        'curl -fsS "$url/metadata" -o /dev/null',
        *(f'curl -fsS "$url:predict" -d @{name}; echo' for name in files),
        f'curl -fsS "$url/versions/{version}:predict" -d @{ROWS}; echo',
        f'gzip -c {ROWS} | curl -fsS "$url:predict" -H "Content-Encoding: gzip" '
        "--data-binary @-; echo",
    ]
    return "\n".join(lines) + "\n"
