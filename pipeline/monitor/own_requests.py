"""The requests that the project itself sends: the golden examples, which every smoke test asks for.

They are a few examples again and again, and would make a server that few others ask look drifted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.agreement.golden import read_golden
from core.arrays import Array
from models.spec import ModelSpec


class OwnRequests:
    """Knows a release's golden examples again.

    Args:
        spec: of the model.
        folder: of the release; without a golden.json it has no requests of its own.
    """

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        self._types = {tensor.name: tensor.numpy_dtype for tensor in spec.inputs}
        file = folder / "golden.json"
        self._rows = set(self._keys(read_golden(file, spec).inputs)) if file.is_file() else set()

    def found_in(self, inputs: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
        """Returns for each example of ``serving_default``'s inputs whether it is one of them."""
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
