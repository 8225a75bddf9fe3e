"""Packs standard TFLite metadata and the labels into a .tflite file, and reads them back.

The label files are appended as a zip archive, where the TensorFlow Lite Metadata API and ``unzip``
look for them. The interpreter ignores it. ``labels.txt`` has the classes of the first output that
has any, and ``labels.<output>.txt`` those of each further one.
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
from models.spec import ModelSpec, Output, Tensor

LABELS = "labels.txt"
# The oldest metadata parser that knows every field written here.
_PARSER = "1.0.0"


def with_metadata(content: bytes, spec: ModelSpec, title: str) -> bytes:
    """Returns the model with metadata that describes it, and with its label files.

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
    texts = {name: "\n".join(labels) + "\n" for name, labels in _label_files(spec).values()}
    return _with_files(written, texts) if texts else written


def describe(model: Any, spec: ModelSpec, title: str) -> dict[str, Any]:
    """Returns the metadata's fields, with tensors in the order of the file's graph.

    Args:
        model: a ``ModelT``.
        title: says what the file is and needs; the standard has no field for the runtime.
    """
    names = _aliases(model)
    inputs = {tensor.name: tensor for tensor in spec.inputs}
    outputs = {tensor.name: tensor for tensor in spec.outputs}
    files = _label_files(spec)
    graph = {
        "name": SIGNATURE_TENSORS,
        "input_tensor_metadata": [_input(inputs[name]) for name in names["inputs"]],
        "output_tensor_metadata": [
            _output(outputs[name], files.get(name, ("", ()))[0])
            if name in outputs
            # An output that the spec does not mention, but the SavedModel has.
            else {"name": name, "content": {"properties": ("FeatureProperties", {})}}
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
    """Returns the labels of the first output that has any; an empty list where there are none."""
    return read_label_files(file).get(LABELS, [])


def read_label_files(file: Path) -> dict[str, list[str]]:
    """Returns the packed label files by name; an empty dict where there are none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                name: archive.read(name).decode("utf-8").splitlines() for name in archive.namelist()
            }
    except zipfile.BadZipFile:
        return {}


def _label_files(spec: ModelSpec) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Returns the name and the lines of each output's label file, by the output's name."""
    labelled = [output for output in spec.outputs if output.labels]
    # A slash would make a folder of the archive.
    names = [LABELS, *(f"labels.{each.name.replace('/', '_')}.txt" for each in labelled[1:])]
    return {
        output.name: (name, output.labels) for output, name in zip(labelled, names, strict=False)
    }


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


def _output(output: Output, label_file: str) -> dict[str, Any]:
    unit = f", in {output.unit}" if output.unit else ""
    part = f": {output.part}" if output.part else ""
    has_threshold = output.role in ("binary", "multi_label") or output.part == "scores"
    threshold = ("ScoreThresholdingOptions", {"global_score_threshold": output.threshold})
    # A detection's classes are numbers of classes; elsewhere each class has a place of its own.
    values, axis = metadata_schema.TENSOR_VALUE_LABELS, metadata_schema.TENSOR_AXIS_LABELS
    labels = {
        "name": label_file,
        "description": "The classes, in the order of the output.",
        "type": values if output.part == "classes" else axis,
    }
    return {
        "name": output.name,
        "description": f"{output.description} ({output.role}{part}{unit})".strip(),
        "content": {"properties": _boxes(output) or ("FeatureProperties", {})},
        "process_units": [{"options": threshold}] if has_threshold else None,
        "stats": _stats(output),
        "associated_files": [labels] if label_file else None,
    }


def _boxes(output: Output) -> tuple[str, Mapping[str, Any]] | None:
    if output.part != "boxes":
        return None
    in_shares = output.box_format.startswith("rel_")
    return "BoundingBoxProperties", {
        # The places of left, top, right and bottom.
        "index": [0, 1, 2, 3] if output.box_format.endswith("xyxy") else [1, 0, 3, 2],
        "type": metadata_schema.BOX_BOUNDARIES,
        "coordinate_type": metadata_schema.COORDINATES_RATIO
        if in_shares
        else metadata_schema.COORDINATES_PIXEL,
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


def _with_files(content: bytes, texts: Mapping[str, str]) -> bytes:
    """Returns the content with a zip archive appended; equal arguments give equal bytes."""
    stream = io.BytesIO(content)
    # In append mode, the archive's offsets count from the start of the whole file.
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def tensor_line(tensor: TensorInfo) -> str:
    """Returns a line that describes a tensor to callers, for ``inspect``."""
    scale = "" if tensor.scale is None else f", (value - {tensor.zero_point}) × {tensor.scale:g}"
    return f"{tensor.alias}: {tensor.dtype} {list(tensor.shape)}{scale}"
