"""Describes a .tflite file for people: ``python -m mobile.inspection FILE``."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import FanoutError
from mobile.conversion.metadata import (
    read_label_files,
    read_labels,
    read_metadata,
    tensor_line,
)
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
        "output_labels": _labels_by_output(file, read_metadata(model) or {}),
    }


def describe(file: Path) -> str:
    """Returns the same as text for people. Raises InvalidModelError like ``inspect``."""
    model = read(file)
    metadata = read_metadata(model) or {}
    described = {output["name"]: output.get("description") for output in _outputs(metadata)}
    lines = [f"{file.name}  {file.stat().st_size:,} bytes  {metadata.get('name', 'no metadata')}"]
    if metadata.get("description"):
        lines.append(f"  {metadata['description']}")
    for signature in model.signatures:
        lines.append(f"signature {signature.name}")
        lines += [f"  in   {tensor_line(tensor)}" for tensor in signature.inputs]
        for tensor in signature.outputs:
            lines.append(f"  out  {tensor_line(tensor)}")
            if described.get(tensor.alias):
                lines.append(f"       {described[tensor.alias]}")
    lines.append(f"needs {requirement(model)}")
    lines += [f"  {uses:>3} × {operator}" for operator, uses in _by_name(model).items()]
    if model.unassigned_variables:
        lines.append(f"no weights: {model.unassigned_variables} variables are never assigned")
    labelled = _labels_by_output(file, metadata)
    for name, labels in labelled.items():
        of = f" of {name}" if len(labelled) > 1 else ""
        lines.append(f"labels{of}  {', '.join(labels)}")
    return "\n".join(lines)


def _outputs(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    graphs = metadata.get("subgraph_metadata", [])
    outputs: list[dict[str, Any]] = graphs[0].get("output_tensor_metadata", []) if graphs else []
    return outputs


def _labels_by_output(file: Path, metadata: Mapping[str, Any]) -> dict[str, list[str]]:
    files = read_label_files(file)
    return {
        output["name"]: files[attached["name"]]
        for output in _outputs(metadata)
        for attached in output.get("associated_files", [])
        if attached["name"] in files
    }


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
