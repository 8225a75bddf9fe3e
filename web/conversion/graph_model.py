"""A TensorFlow.js graph model on disk: its graph, its weights, and how they are stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tensor = Any  # a tf.Tensor: TensorFlow has no types, and takes seconds to import
Node = Mapping[str, Any]  # a node of a graph, as in model.json
MODEL = "model.json"
# The converter's name. One shard: the weights of a phone-sized model arrive in one response.
WEIGHTS = "group1-shard1of1.bin"


@dataclass(frozen=True)
class Stored:
    """A tensor in the form in which a file holds it.

    Attributes:
        values: the numbers that are written to the file.
        quantization: how TensorFlow.js turns them into float32, in the terms of its weights
            manifest; None when they are the tensor's original values.
    """

    values: Array
    quantization: Mapping[str, str | float] | None = None

    def restored(self) -> Array:
        """Returns the tensor that TensorFlow.js restores from integers or half precision."""
        described = self.quantization or {}
        scale, least = float(described.get("scale", 1)), float(described.get("min", 0))
        # In double precision, like JavaScript.
        tensor: Array = (self.values.astype(np.float64) * scale + least).astype(np.float32)
        return tensor


@dataclass(frozen=True)
class GraphModel:
    """A graph model with float32 weights.

    Attributes:
        description: the contents of model.json, including the weights manifest.
        weights: the tensors by node name, in the manifest's order. Strings stay the bytes that
            the file holds for them.
    """

    description: Mapping[str, Any]
    weights: Mapping[str, Array]

    @classmethod
    def read(cls, folder: Path) -> "GraphModel":
        """Reads a model that TensorFlow.js' converter wrote without quantization."""
        description = json.loads((folder / MODEL).read_text())
        weights: dict[str, Array] = {}
        for group in description["weightsManifest"]:
            data = b"".join((folder / path).read_bytes() for path in group["paths"])
            offset = 0
            for entry in group["weights"]:
                values, offset = _tensor(entry, data, offset)
                weights[entry["name"]] = values
        return cls(description, weights)

    def write(self, folder: Path, stored: Mapping[str, Stored]) -> None:
        """Writes the model; tensors that ``stored`` does not name are stored unchanged."""
        entries = []
        parts = []
        for group in self.description["weightsManifest"]:
            for entry in group["weights"]:
                name = entry["name"]
                form = stored.get(name, Stored(self.weights[name]))
                described = {"quantization": dict(form.quantization)} if form.quantization else {}
                entries.append({**entry, **described})
                parts.append(form.values.tobytes())
        manifest = [{"paths": [WEIGHTS], "weights": entries}]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(b"".join(parts))
        description = {**self.description, "weightsManifest": manifest}
        (folder / MODEL).write_text(json.dumps(description, separators=(",", ":")))


def _tensor(entry: Mapping[str, Any], data: bytes, offset: int) -> tuple[Array, int]:
    """Returns the tensor that begins at the offset, and the offset of the next one."""
    count = int(np.prod(entry["shape"], dtype=np.int64))
    if entry["dtype"] == "string":
        # Each string is preceded by its length, in four bytes.
        end = offset
        for _ in range(count):
            end += 4 + int.from_bytes(data[end : end + 4], "little")
        return np.frombuffer(data[offset:end], np.uint8), end
    values = np.frombuffer(data, entry["dtype"], count, offset).reshape(entry["shape"])
    return values, offset + values.nbytes
