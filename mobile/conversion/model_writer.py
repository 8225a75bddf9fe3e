"""Rewrites a .tflite file's flatbuffer without the parts that make a small model large.

The converter names a tensor after every layer that was folded into it. It also stores a zero point
for each channel of each weight and bias, although all of them are zero: 5 % of a quantised model
of 100 kB.
"""

from collections.abc import Hashable
from typing import Any

import flatbuffers  # type: ignore[import-untyped]

from core.arrays import Array
from mobile.conversion.model_file import IDENTIFIER, schema

# Weights are read in place; the model's schema requires this alignment for them.
_ALIGNMENT = 16


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors only once: a flatbuffer may refer to a vector from several places."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[Hashable, int] = {}

    def CreateNumpyVector(self, x: Array) -> int:  # noqa: N802 - the base class's name
        content = x.tobytes()
        key = (x.dtype.str, content)
        if key not in self._written:
            # A buffer's bytes may hold any type, so only they need more than their item size.
            alignment = _ALIGNMENT if x.itemsize == 1 else x.itemsize
            self.StartVector(1, len(content), alignment)
            self.head -= len(content)
            self.Bytes[self.head : self.head + len(content)] = content
            self.vectorNumElems = x.size
            self._written[key] = int(self.EndVector())
        return self._written[key]


def write(model: Any, size: int) -> bytes:
    """Returns the contents of a .tflite file for a ``ModelT``.

    Args:
        size: its approximate size in bytes.
    """
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = _short(tensor.name)
    builder = _SharingBuilder(size)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def editable(content: bytes) -> Any:
    """Returns a .tflite file as the ``ModelT`` that ``write`` takes."""
    tables = schema()
    return tables.ModelT.InitFromObj(tables.Model.GetRootAsModel(content, 0))


def _short(name: bytes | str | None) -> str:
    """Returns ``re_lu/Relu`` for ``model/re_lu/Relu;model/batch_normalization/…``."""
    text = name.decode() if isinstance(name, bytes) else name or ""
    return "/".join(text.partition(";")[0].split("/")[-2:])
