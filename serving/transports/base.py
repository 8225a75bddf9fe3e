"""What the client asks of a transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.errors import FanoutError

Array = npt.NDArray[Any]


class RequestFailed(FanoutError):
    """The server refused a request, or did not answer.

    Attributes:
        transient: whether the same request may succeed a little later.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass(frozen=True)
class ModelRef:
    """The model a client calls."""

    name: str
    version: int | None = None
    label: str | None = None


@dataclass(frozen=True)
class ClientSignature:
    """The element types of a signature's inputs and outputs, by alias."""

    inputs: Mapping[str, np.dtype[Any]]
    outputs: Mapping[str, np.dtype[Any]]


# A signature that TensorFlow adds to run initialisers; nobody calls it.
INIT_OP_SIGNATURE = "__saved_model_init_op"
Signatures = Mapping[str, ClientSignature]


class Transport(Protocol):
    """One connection to a server. Every method raises RequestFailed."""

    def predict(
        self, signature: str, inputs: Mapping[str, Array], types: ClientSignature
    ) -> dict[str, Array]:
        """Returns the outputs by alias."""

    def status(self) -> dict[int, str]:
        """Returns the state of each version."""

    def signatures(self) -> Signatures:
        """Returns the signatures by name."""

    def close(self) -> None:
        """Closes the connection."""


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Returns NumPy's type for the name of a DataType, such as ``DT_FLOAT``."""
    known = {
        "float": "float32", "double": "float64", "half": "float16", "string": "object",
    }  # fmt: skip
    plain = name.removeprefix("DT_").lower()
    return np.dtype(known.get(plain, plain))
