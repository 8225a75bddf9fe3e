"""A client of TensorFlow Serving's API over REST or gRPC, for any server that implements it.

    with Client("http://127.0.0.1:8501", "fashion") as client:
        probabilities = client.predict(images)      # (n, 28, 28, 1) -> (n, 10)

REST does not need TensorFlow; ``grpc://127.0.0.1:8500`` imports its messages. ``https`` and
``grpcs`` are the same with encryption.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from core.errors import UserError
from serving.client.transport import (
    Array,
    Connection,
    ModelRef,
    RequestFailed,
    Signatures,
    Tls,
    Transport,
)

__all__ = ["Client", "RequestFailed", "Tls"]

DEFAULT_SIGNATURE = "serving_default"
API_KEY_VARIABLE = "FANOUT_API_KEY"
# The first pause is 50 ms and doubles each time: three retries wait 0.35 s in total.
FIRST_PAUSE_SECONDS = 0.05
T = TypeVar("T")


class Client:
    """Calls one model.

    Args:
        url: ``http://host:port`` or ``grpc://host:port``; ``https`` and ``grpcs`` for TLS.
        model: its name on the server; None for the name in the contract.
        version, label: of the model; the latest version when neither is given.
        contract: a ``contract.json``, for the labels, the order of the outputs, and the ranges and
            shapes that inputs are checked against before they are sent.
        timeout: in seconds, for each attempt.
        retries: how often a request is sent again when the server was unreachable or busy.
            A prediction changes nothing, so retrying is always safe.
        api_key: None for the environment variable ``FANOUT_API_KEY``, if it is set.
        tls: which certificates to trust, and the client's own.

    Raises UserError for an address, a contract or TLS files that can't be used.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        contract: Path | None = None,
        timeout: float = 30.0,
        retries: int = 2,
        api_key: str | None = None,
        tls: Tls | None = None,
    ) -> None:
        if version is not None and label is not None:
            raise ValueError("version and label are mutually exclusive; give one of them")
        self.contract = _read(contract) if contract else {}
        name = model or self.contract.get("model")
        if not name:
            raise UserError("no model is named; give model, or a contract that names one")
        self._retries = retries
        self._signatures: Signatures | None = None
        if api_key is None:
            api_key = os.environ.get(API_KEY_VARIABLE, "")
        reference = ModelRef(name, version, label)
        self._transport = _transport(url, reference, Connection("", timeout, tls, api_key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    @property
    def labels(self) -> list[str]:
        """Returns the names of the classes; empty without a contract."""
        return list(self.contract.get("labels", []))

    def predict(
        self, inputs: Any, *, signature: str = DEFAULT_SIGNATURE, output: str | None = None
    ) -> Array:
        """Returns one output, with one row per example.

        Args:
            inputs: the array of the only input, or arrays by alias. Bytes are sent unchanged.
            signature: the one to call.
            output: its alias; by default the contract's first one, or the only one.

        Raises RequestFailed when the server refuses, UserError when an alias does not exist.
        """
        outputs = self.outputs(inputs, signature=signature)
        if output is None:
            declared = [entry["name"] for entry in self.contract.get("outputs", [])]
            output = next((name for name in declared if name in outputs), None)
        if output is None and len(outputs) == 1:
            (output,) = outputs
        if output not in outputs:
            raise UserError(f"output {output!r} is not one of {sorted(outputs)}; name one of them")
        return outputs[output]

    def outputs(self, inputs: Any, *, signature: str = DEFAULT_SIGNATURE) -> dict[str, Array]:
        """Returns all outputs of a signature by alias. Raises the same errors as predict()."""
        types = self.signatures().get(signature)
        if types is None:
            raise UserError(
                f"signature {signature!r} is not one of the model's: {sorted(self.signatures())}"
            )
        if not isinstance(inputs, Mapping):
            if len(types.inputs) != 1:
                raise UserError(f"give the inputs by name: {sorted(types.inputs)}")
            inputs = {next(iter(types.inputs)): inputs}
        if set(inputs) != set(types.inputs):
            raise UserError(
                f"the signature takes the inputs {sorted(types.inputs)}, got {sorted(inputs)}"
            )
        if signature == DEFAULT_SIGNATURE:
            self._check_against_contract(inputs)
        arrays = {alias: np.asarray(inputs[alias], types.inputs[alias]) for alias in types.inputs}
        return self._retried(lambda: self._transport.predict(signature, arrays, types))

    def _check_against_contract(self, inputs: Mapping[str, Any]) -> None:
        for entry in self.contract.get("inputs", []):
            if entry["name"] not in inputs:
                continue
            array = np.asarray(inputs[entry["name"]])
            shape = tuple(entry["shape"])
            if array.shape[1:] != shape or not array.ndim:
                raise UserError(
                    f"input {entry['name']} has shape {array.shape}, expected (n, "
                    f"{', '.join(map(str, shape))})"
                )
            low, high = entry.get("minimum"), entry.get("maximum")
            if array.dtype.kind in "fiu" and array.size:
                least, most = array.min(), array.max()
                # Written so that NaN is passed on to the model.
                if (low is not None and least < low) or (high is not None and most > high):
                    raise UserError(
                        f"input {entry['name']} has values from {least} to {most}, expected "
                        f"{low} to {high}"
                    )

    def status(self) -> dict[int, str]:
        """Returns the state of each version, such as ``{3: "AVAILABLE"}``."""
        return self._retried(self._transport.status)

    def signatures(self) -> Signatures:
        """Returns the model's signatures, which are requested once."""
        if self._signatures is None:
            self._signatures = self._retried(self._transport.signatures)
        return self._signatures

    def _retried(self, attempt: Callable[[], T]) -> T:
        pause = FIRST_PAUSE_SECONDS
        for _ in range(self._retries):
            try:
                return attempt()
            except RequestFailed as error:
                if not error.transient:
                    raise
            time.sleep(pause)
            pause *= 2
        return attempt()


def _read(contract: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(contract.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{contract} is not a contract.json: {error}") from error
    return content


def _transport(url: str, model: ModelRef, connection: Connection) -> Transport:
    scheme, _, address = url.partition("://")
    if not address or scheme not in ("http", "https", "grpc", "grpcs"):
        raise UserError(
            f"{url!r} is not the address of a model server; expected http://host:port or "
            "grpc://host:port, or https:// or grpcs:// for TLS"
        )
    encrypted = scheme.endswith("s")
    if connection.tls and not encrypted:
        raise UserError(f"{url!r} is not encrypted, but TLS files are given; use {scheme}s://")
    tls = (connection.tls or Tls()) if encrypted else None
    connection = replace(connection, address=address.rstrip("/"), tls=tls)
    if scheme.startswith("http"):
        from serving.client.rest import RestTransport

        return RestTransport(connection, model)
    from serving.client.grpc import GrpcTransport

    return GrpcTransport(connection, model)
