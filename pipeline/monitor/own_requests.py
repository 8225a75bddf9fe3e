"""The requests that the project itself sends: the golden examples of every smoke test.

They are the same few examples each time, and would make a server with few other clients look
drifted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.agreement.golden import read_golden
from core.arrays import Array
from models.spec import ModelSpec


class OwnRequests:
    """Recognises a release's golden examples.

    Args:
        spec: the model's spec.
        folder: the release's folder; without a golden.json it recognises nothing.
    """

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        self._types = {tensor.name: tensor.numpy_dtype for tensor in spec.inputs}
        file = folder / "golden.json"
        self._rows = set(self._keys(read_golden(file, spec).inputs)) if file.is_file() else set()

    def found_in(self, inputs: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
        """Returns for each example of ``serving_default``'s inputs whether it is a golden one."""
        return np.array([key in self._rows for key in self._keys(inputs)], bool)

    def _keys(self, inputs: Mapping[str, Array]) -> Iterator[bytes]:
        columns = [_bytes(np.asarray(inputs[name]), kind) for name, kind in self._types.items()]
        return map(b"\0".join, zip(*columns, strict=True))


def _bytes(values: Array, kind: npt.DTypeLike) -> Iterator[bytes]:
    if values.dtype.kind in "OSU":
        for row in values.reshape(len(values), -1).tolist():
            yield b"\0".join(one if isinstance(one, bytes) else str(one).encode() for one in row)
    else:
        for row in values.astype(kind):
            yield row.tobytes()
