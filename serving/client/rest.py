"""The client's REST transport, on one HTTP connection that is kept open."""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson

from core.errors import UserError
from serving.client import versions
from serving.client.transport import (
    API_KEY_HEADER,
    INIT_OP_SIGNATURE,
    Array,
    ClientSignature,
    Connection,
    ModelRef,
    RequestFailed,
    Signatures,
    numpy_dtype,
)

# 429 and 503 mean that the server is busy, 504 that it was too slow this time.
TRANSIENT = {429, 503, 504}
BYTES_SUFFIX = "_bytes"


class RestTransport:
    """Speaks HTTP/1.1, encrypted if the connection has TLS settings."""

    def __init__(self, connection: Connection, model: ModelRef) -> None:
        self._connection = _open(connection)
        self._headers = {API_KEY_HEADER: connection.api_key} if connection.api_key else {}
        version_path = ""
        if model.version is not None:
            version_path = f"/versions/{model.version}"
        elif model.label is not None:
            version_path = f"/labels/{quote(model.label, safe='')}"
        self._path = f"/v1/models/{quote(model.name, safe='')}{version_path}"

    def predict(
        self, signature: str, inputs: Mapping[str, Array], types: ClientSignature
    ) -> dict[str, Array]:
        values = [orjson.dumps(alias) + b":" + _print(array) for alias, array in inputs.items()]
        body = b'{"signature_name":%s,"inputs":{%s}}' % (
            orjson.dumps(signature),
            b",".join(values),
        )
        answer = self._request("POST", f"{self._path}:predict", body)
        try:
            outputs = answer["outputs"]
            if len(types.outputs) == 1:
                outputs = dict.fromkeys(types.outputs, outputs)
            return {
                alias: _array(outputs[alias], dtype, alias)
                for alias, dtype in types.outputs.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise RequestFailed(
                f"{self._path}:predict answered with something that does not match the signature: "
                f"{error!r}"
            ) from error

    def status(self) -> dict[int, str]:
        answer = self._request("GET", self._path)
        try:
            return {version: state.name for version, state in versions.read(answer).items()}
        except ValueError as error:
            raise RequestFailed(f"{self._path} answered with {error}") from error

    def signatures(self) -> Signatures:
        answer = self._request("GET", f"{self._path}/metadata")
        try:
            signature_defs = answer["metadata"]["signature_def"]["signature_def"]
            return {
                name: ClientSignature(_types(entry["inputs"]), _types(entry["outputs"]))
                for name, entry in signature_defs.items()
                if name != INIT_OP_SIGNATURE
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RequestFailed(
                f"{self._path}/metadata answered without signatures: {error!r}"
            ) from error

    def close(self) -> None:
        self._connection.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> Any:
        content_type = {"Content-Type": "application/json"} if body is not None else {}
        headers = {**self._headers, **content_type}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        # UnicodeError: the host may not be a valid internationalised name.
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            reason = str(error) or type(error).__name__
            raise RequestFailed(f"{method} {path}: {reason}", transient=True) from error
        if response.status != http.HTTPStatus.OK:
            raise RequestFailed(
                f"{method} {path}: {response.status} {_message(content)}",
                transient=response.status in TRANSIENT,
            )
        try:
            return _parse(content)
        except ValueError as error:
            raise RequestFailed(f"{method} {path} answered with invalid JSON: {error}") from error


def _open(connection: Connection) -> http.client.HTTPConnection:
    address, timeout, tls = connection.address, connection.timeout, connection.tls
    try:
        plain = http.client.HTTPConnection(address, timeout=timeout)
    except http.client.InvalidURL as error:
        raise UserError(f"{address!r} is not host:port: {error}") from error
    if tls is None:
        return plain
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is a subclass
        raise UserError(f"the TLS files {tls} cannot be used: {error}") from error
    return http.client.HTTPSConnection(address, timeout=timeout, context=context)


def _print(array: Array) -> bytes:
    if array.dtype.kind in "OSU":
        return orjson.dumps(_strings(array.tolist()))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return json.dumps(array.tolist()).encode()  # the server accepts NaN and Infinity
    if not array.ndim:
        return orjson.dumps(array.item())
    return orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)


def _strings(value: Any) -> Any:
    if isinstance(value, list):
        return [_strings(item) for item in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


def _array(value: Any, dtype: np.dtype[Any], alias: str) -> Array:
    if dtype == np.dtype("object"):
        value = _bytes(value, encoded=alias.endswith(BYTES_SUFFIX))
    return np.array(value, dtype)


def _bytes(value: Any, *, encoded: bool) -> Any:
    if isinstance(value, list):
        return [_bytes(item, encoded=encoded) for item in value]
    return base64.b64decode(value["b64"]) if encoded else value.encode()


def _types(tensors: Any) -> dict[str, np.dtype[Any]]:
    return {alias: numpy_dtype(info["dtype"]) for alias, info in tensors.items()}


def _parse(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content)  # NaN and Infinity, which strict JSON does not have


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace")
