"""Packs standard TFLite metadata and the labels into a .tflite file, and reads them back.

The label file is appended as a zip archive, where the TensorFlow Lite Metadata API and ``unzip``
look for it. The interpreter ignores it.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mobile.conversion import metadata_schema
from mobile.conversion.model_file import (
    METADATA,
    InvalidModelError,
    ModelFile,
    TensorInfo,
    parse,
    schema,
)
from mobile.conversion.model_writer import editable, write
from mobile.conversion.runtime_versions import statement
from models.contract import SIGNATURE_TENSORS
from models.spec import ModelSpec, Tensor

LABELS = "labels.txt"
# The oldest metadata parser that knows every field written here.
_PARSER = "1.0.0"


def with_metadata(content: bytes, spec: ModelSpec, title: str) -> bytes:
    """Returns the model with metadata that describes it, and with the label file.

    Args:
        content: a .tflite file without metadata.
        title: a title of this form of the model, for people.
    """
    tables = schema()
    model = editable(content)
    needs = statement(parse(Path(f"{spec.name}.tflite"), content))
    buffer = tables.BufferT()
    buffer.data = np.frombuffer(
        metadata_schema.encode(describe(model, spec, f"{title}; {needs}")), np.uint8
    )
    entry = tables.MetadataT()
    entry.name = METADATA
    entry.buffer = len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    written = write(model, len(content) + 4096)
    return _with_file(written, LABELS, "\n".join(spec.labels) + "\n") if spec.labels else written


def describe(model: Any, spec: ModelSpec, title: str) -> dict[str, Any]:
    """Returns the metadata's fields, with tensors in the order of the file's graph.

    Args:
        model: a ``ModelT``.
        title: says what the file is and needs; the standard has no field for the runtime.
    """
    names = _aliases(model)
    inputs = {tensor.name: tensor for tensor in spec.inputs}
    outputs = {tensor.name: tensor for tensor in spec.outputs}
    # The file's one list of labels is that of the first output that has classes.
    labelled = next((output.name for output in spec.outputs if output.labels), None)
    labels = [
        {
            "name": LABELS,
            "description": "The classes, in the order of the output.",
            "type": metadata_schema.TENSOR_AXIS_LABELS,
        }
    ]
    graph = {
        "name": SIGNATURE_TENSORS,
        "input_tensor_metadata": [_input(inputs[name]) for name in names["inputs"]],
        "output_tensor_metadata": [
            _output(outputs.get(name), name, labels if name == labelled else None)
            for name in names["outputs"]
        ],
    }
    return {
        "name": spec.title,
        "description": f"{spec.description} ({title}.)",
        "subgraph_metadata": [graph],
        "min_parser_version": _PARSER,
    }


def read_metadata(model: ModelFile) -> dict[str, Any] | None:
    """Returns the metadata's fields; None where the file has no metadata.

    Raises:
        InvalidModelError: the metadata is damaged.
    """
    if model.metadata is None:
        return None
    try:
        return metadata_schema.decode(model.metadata)
    except (ValueError, IndexError, TypeError) as error:
        raise InvalidModelError(f"{model.file.name} has damaged metadata: {error}") from error


def read_labels(file: Path) -> list[str]:
    """Returns the labels packed into the file; an empty list where there are none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.read(LABELS).decode("utf-8").splitlines()
    except (zipfile.BadZipFile, KeyError):
        return []


def _aliases(model: Any) -> dict[str, list[str]]:
    signature = model.signatureDefs[0]
    graph = model.subgraphs[signature.subgraphIndex]
    aliases: dict[str, list[str]] = {}
    for side, maps, tensors in (
        ("inputs", signature.inputs, graph.inputs),
        ("outputs", signature.outputs, graph.outputs),
    ):
        by_tensor = {entry.tensorIndex: _text(entry.name) for entry in maps}
        aliases[side] = [by_tensor[index] for index in tensors]
    return aliases


def _input(tensor: Tensor) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": tensor.name,
        "description": tensor.description,
        "content": {"properties": _content(tensor)},
        "stats": _stats(tensor),
    }
    if tensor.kind == "image":
        # The graph normalises its input, so a client must not do it again.
        identity = ("NormalizationOptions", {"mean": [0.0], "std": [1.0]})
        fields["process_units"] = [{"options": identity}]
    return fields


def _output(tensor: Tensor | None, name: str, labels: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": tensor.description if tensor else None,
        "content": {"properties": ("FeatureProperties", {})},
        "stats": _stats(tensor) if tensor else None,
        "associated_files": labels,
    }


def _content(tensor: Tensor) -> tuple[str, Mapping[str, Any]]:
    if tensor.kind != "image":
        return "FeatureProperties", {}
    height, width, channels = tensor.shape
    colors = {1: metadata_schema.COLOR_GRAYSCALE, 3: metadata_schema.COLOR_RGB}
    size = {"width": width, "height": height}
    return "ImageProperties", {"color_space": colors.get(channels, 0), "default_size": size}


def _stats(tensor: Tensor) -> dict[str, list[float]] | None:
    if tensor.minimum is None or tensor.maximum is None:
        return None
    return {"min": [tensor.minimum], "max": [tensor.maximum]}


def _with_file(content: bytes, name: str, text: str) -> bytes:
    """Returns the content with a zip archive appended; equal arguments give equal bytes."""
    stream = io.BytesIO(content)
    # In append mode, the archive's offsets count from the start of the whole file.
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def tensor_line(tensor: TensorInfo) -> str:
    """Returns a line that describes a tensor to callers, for ``inspect``."""
    scale = "" if tensor.scale is None else f", (value - {tensor.zero_point}) × {tensor.scale:g}"
    return f"{tensor.alias}: {tensor.dtype} {list(tensor.shape)}{scale}"
