"""The optional API key: the server refuses requests without a known key.

Only what probes and browsers need works without a key: gRPC's health service, the REST status of
a model, and a browser's preflight, which cannot carry one. Metrics need a key; Prometheus can send
it.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import UserError
from serving.server.dataplane.statuses import Code, ServingError

HEADER = "x-api-key"
AUTHORIZATION = "authorization"
ENVIRONMENT = "FANOUT_API_KEY"
_BEARER = "bearer "
MIN_CHARACTERS = 16
_REFUSED = f"a known API key is required, as {HEADER} or as authorization: Bearer"


class ApiKeys:
    """The accepted keys; if there are none, every request is accepted."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        # All digests have the same length, so comparing them does not reveal a key's length.
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"ApiKeys({len(self._digests)})"

    def check(self, metadata: Mapping[str, str]) -> None:
        """Raises ServingError (UNAUTHENTICATED) unless the request carries a known key.

        Args:
            metadata: header values by name in lower case.
        """
        if self._digests and not self._known(_presented(metadata)):
            raise ServingError(Code.UNAUTHENTICATED, _REFUSED)

    def _known(self, key: str) -> bool:
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)  # all are compared, even if the first one matches


def read(file: Path | None, environment: Mapping[str, str]) -> ApiKeys:
    """Returns the keys in a file, one per line, or the key in ``FANOUT_API_KEY``.

    Two keys in the file let clients move from one to the other. Raises UserError when the file
    can't be read or holds no key, or when a key is too short or has characters that a header can't
    carry.
    """
    if file is None:
        key = environment.get(ENVIRONMENT)
        return ApiKeys([_checked(key.strip(), ENVIRONMENT)] if key else [])
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--api_key_file {file} cannot be read: {error}") from error
    keys = [_checked(line, f"--api_key_file {file}") for line in lines if line]
    if not keys:
        raise UserError(f"--api_key_file {file} holds no key; expected one key per line")
    return ApiKeys(keys)


def _checked(key: str, source: str) -> str:
    if len(key) < MIN_CHARACTERS:
        raise UserError(
            f"{source}: a key must have at least {MIN_CHARACTERS} characters, got {len(key)}"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError(f"{source}: a key must be printable ASCII without spaces")
    return key


def _presented(metadata: Mapping[str, str]) -> str:
    key = metadata.get(HEADER)
    if key is not None:
        return key
    authorization = metadata.get(AUTHORIZATION, "")
    return (
        authorization[len(_BEARER) :].strip()
        if authorization[: len(_BEARER)].lower() == _BEARER
        else ""
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
