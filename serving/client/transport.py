"""The interface between the client and its transports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from core.errors import FanoutError

Array = npt.NDArray[Any]


class RequestFailed(FanoutError):
    """The server refused a request, or did not answer.

    Attributes:
        transient: whether the same request may succeed shortly afterwards.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass(frozen=True)
class ModelRef:
    """The model that a client calls."""

    name: str
    version: int | None = None
    label: str | None = None


@dataclass(frozen=True)
class Tls:
    """PEM files for an encrypted connection.

    Attributes:
        authority: the CA whose certificates are trusted; None for the system's CAs.
        certificate, key: the client's own, if the server requires one (mutual TLS).
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Connection:
    """The address of a server, and how to connect to it.

    Attributes:
        address: ``host:port``.
        timeout: in seconds, of a request.
        tls: None for an unencrypted connection.
        api_key: sent with every request; empty for none.
    """

    address: str
    timeout: float
    tls: Tls | None = None
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class ClientSignature:
    """The element types of a signature's inputs and outputs, by alias."""

    inputs: Mapping[str, np.dtype[Any]]
    outputs: Mapping[str, np.dtype[Any]]


API_KEY_HEADER = "x-api-key"
# A signature that TensorFlow adds to run initialisers; clients never call it.
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
