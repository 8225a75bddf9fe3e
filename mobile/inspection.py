"""Describes a .tflite file for people: ``python -m mobile.inspection FILE``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import FanoutError
from mobile.conversion.metadata import read_labels, read_metadata, tensor_line
from mobile.conversion.model_file import ModelFile, read
from mobile.conversion.runtime_versions import requirement


def inspect(file: Path) -> dict[str, Any]:
    """Returns everything that the file says about itself, as JSON values.

    Raises:
        InvalidModelError: the file is missing, damaged or not a model.
    """
    model = read(file)
    needed = requirement(model)
    return {
        "file": file.name,
        "bytes": file.stat().st_size,
        "signatures": [asdict(signature) for signature in model.signatures],
        "operators": [
            {**asdict(operator), "uses": uses} for operator, uses in _by_name(model).items()
        ],
        "min_runtime": {
            "release": needed.release,
            "operator": str(needed.operator) if needed.operator else None,
            "stated": model.stated_runtime,
            "unlisted": [str(operator) for operator in needed.unlisted],
        },
        "unassigned_variables": model.unassigned_variables,
        "metadata": read_metadata(model),
        "labels": read_labels(file),
    }


def describe(file: Path) -> str:
    """Returns the same as text for people. Raises InvalidModelError like ``inspect``."""
    model = read(file)
    metadata = read_metadata(model) or {}
    lines = [f"{file.name}  {file.stat().st_size:,} bytes  {metadata.get('name', 'no metadata')}"]
    if metadata.get("description"):
        lines.append(f"  {metadata['description']}")
    for signature in model.signatures:
        lines.append(f"signature {signature.name}")
        lines += [f"  in   {tensor_line(tensor)}" for tensor in signature.inputs]
        lines += [f"  out  {tensor_line(tensor)}" for tensor in signature.outputs]
    lines.append(f"needs {requirement(model)}")
    lines += [f"  {uses:>3} × {operator}" for operator, uses in _by_name(model).items()]
    if model.unassigned_variables:
        lines.append(f"no weights: {model.unassigned_variables} variables are never assigned")
    labels = read_labels(file)
    if labels:
        lines.append(f"labels  {', '.join(labels)}")
    return "\n".join(lines)


def _by_name(model: ModelFile) -> dict[Any, int]:
    order = sorted(model.operators, key=lambda operator: (operator.name, operator.version))
    return {operator: model.operators[operator] for operator in order}


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    try:
        for name in arguments:
            print(describe(Path(name)))
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0 if arguments else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
