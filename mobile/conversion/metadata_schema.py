"""Encodes and decodes TFLite metadata as a flatbuffer, with a table of the standard's fields.

The fields and their order are those of the published schema, which never removes a field:
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs
"""

from collections.abc import Mapping
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
from flatbuffers import number_types
from flatbuffers.table import Table  # type: ignore[import-untyped]

IDENTIFIER = b"M001"
ROOT = "ModelMetadata"
# A file names the places along a tensor's last axis, or the values that a tensor holds.
TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS = 2, 3
COLOR_RGB, COLOR_GRAYSCALE = 1, 2
# A box as its left, top, right and bottom, and the unit of these.
BOX_BOUNDARIES = 1
COORDINATES_RATIO, COORDINATES_PIXEL = 0, 1

# Fields and their kinds in slot order. A union takes two slots: its member's number and the member.
TABLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ModelMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("version", "string"),
        ("subgraph_metadata", "[SubGraphMetadata]"),
        ("author", "string"),
        ("license", "string"),
        ("associated_files", "[AssociatedFile]"),
        ("min_parser_version", "string"),
    ),
    "SubGraphMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("input_tensor_metadata", "[TensorMetadata]"),
        ("output_tensor_metadata", "[TensorMetadata]"),
    ),
    "TensorMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("dimension_names", "[string]"),
        ("content", "Content"),
        ("process_units", "[ProcessUnit]"),
        ("stats", "Stats"),
        ("associated_files", "[AssociatedFile]"),
    ),
    "AssociatedFile": (("name", "string"), ("description", "string"), ("type", "int8")),
    "Content": (("properties", "union:FeatureProperties|ImageProperties|BoundingBoxProperties"),),
    "FeatureProperties": (),
    "ImageProperties": (("color_space", "int8"), ("default_size", "ImageSize")),
    "BoundingBoxProperties": (
        ("index", "[uint32]"),
        ("type", "int8"),
        ("coordinate_type", "int8"),
    ),
    "ImageSize": (("width", "uint32"), ("height", "uint32")),
    "ProcessUnit": (
        (
            "options",
            "union:NormalizationOptions|ScoreCalibrationOptions|ScoreThresholdingOptions",
        ),
    ),
    "NormalizationOptions": (("mean", "[float32]"), ("std", "[float32]")),
    "ScoreCalibrationOptions": (("score_transformation", "int8"), ("default_score", "float32")),
    "ScoreThresholdingOptions": (("global_score_threshold", "float32"),),
    "Stats": (("max", "[float32]"), ("min", "[float32]")),
}
_SCALARS = {
    "int8": number_types.Int8Flags,
    "uint8": number_types.Uint8Flags,
    "uint32": number_types.Uint32Flags,
    "float32": number_types.Float32Flags,
}


def encode(values: Mapping[str, Any]) -> bytes:
    """Returns a ``ModelMetadata`` flatbuffer.

    Args:
        values: the values by field; a union's value is ``(member's table, its values)``.
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write_table(builder, ROOT, values), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def decode(content: bytes) -> dict[str, Any]:
    """Returns the fields that are set, in the form that ``encode`` takes.

    Raises:
        ValueError: the content is not metadata of this schema.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"metadata begins with {content[4:8]!r}, not {IDENTIFIER!r}")
    start = int.from_bytes(content[:4], "little")
    return _read_table(Table(content, start), ROOT)


def _write_table(builder: Any, table: str, values: Mapping[str, Any]) -> int:
    """Writes a table after its children and returns the table's offset."""
    slots = _slots(table)
    members = {name: values[name] for _, name, _ in slots if values.get(name) is not None}
    offsets = {
        name: _write_value(builder, kind, members[name])
        for _, name, kind in slots
        if name in members and kind not in _SCALARS
    }
    builder.StartObject(_count(slots))
    for slot, name, kind in slots:
        if name not in members:
            continue
        if kind in _SCALARS:
            builder.PrependSlot(_SCALARS[kind], slot, members[name], 0)
        elif kind.startswith("union:"):
            member = _union(kind).index(members[name][0]) + 1
            builder.PrependSlot(number_types.Uint8Flags, slot, member, 0)
            builder.PrependUOffsetTRelativeSlot(slot + 1, offsets[name], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[name], 0)
    return int(builder.EndObject())


def _write_value(builder: Any, kind: str, value: Any) -> int:
    if kind == "string":
        return int(builder.CreateString(value))
    if kind.startswith("union:"):
        return _write_table(builder, *value)
    if not kind.startswith("["):
        return _write_table(builder, kind, value)
    element = kind[1:-1]
    if element in _SCALARS:
        builder.StartVector(4, len(value), 4)
        for item in reversed(value):
            builder.Prepend(_SCALARS[element], item)
    else:
        offsets = [_write_value(builder, element, item) for item in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _read_table(source: Table, table: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for slot, name, kind in _slots(table):
        offset = source.Offset(4 + 2 * slot)
        if not offset:
            continue
        position = source.Pos + offset
        if kind in _SCALARS:
            fields[name] = source.Get(_SCALARS[kind], position)
        elif kind.startswith("union:"):
            member = source.Get(number_types.Uint8Flags, position)
            fields[name] = _read_union(source, kind, slot, member)
        else:
            fields[name] = _read_value(source, kind, position)
    return fields


def _read_union(source: Table, kind: str, slot: int, member: int) -> Any:
    offset = source.Offset(4 + 2 * (slot + 1))
    tables = _union(kind)
    if not offset or not 1 <= member <= len(tables):
        return None
    name = tables[member - 1]
    return name, _read_value(source, name, source.Pos + offset)


def _read_value(source: Table, kind: str, position: int) -> Any:
    start = source.Indirect(position)
    if kind != "string" and not kind.startswith("["):
        return _read_table(Table(source.Bytes, start), kind)
    count = source.Get(number_types.UOffsetTFlags, start)
    size = count if kind == "string" else 4 * count
    if start + 4 + size > len(source.Bytes):
        raise ValueError(f"it ends within a value of {size} bytes")
    if kind == "string":
        return bytes(source.Bytes[start + 4 : start + 4 + size]).decode("utf-8")
    element = kind[1:-1]
    places = [start + 4 + 4 * index for index in range(count)]
    if element in _SCALARS:
        return [source.Get(_SCALARS[element], place) for place in places]
    return [_read_value(source, element, place) for place in places]


def _slots(table: str) -> list[tuple[int, str, str]]:
    slots, next_slot = [], 0
    for name, kind in TABLES[table]:
        slots.append((next_slot, name, kind))
        next_slot += 2 if kind.startswith("union:") else 1
    return slots


def _count(slots: list[tuple[int, str, str]]) -> int:
    return sum(2 if kind.startswith("union:") else 1 for _, _, kind in slots)


def _union(kind: str) -> list[str]:
    return kind.removeprefix("union:").split("|")
