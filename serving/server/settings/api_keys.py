"""The optional API key: who shows none that is known is refused.

Without a key one may ask only for what probes ask: gRPC's health service, the REST status of a
model, and a browser's preflight, which cannot carry one. Metrics need it; Prometheus can send it.
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
    """The keys that are accepted; with none, everybody is."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        # Digests have one length: comparing them tells nothing of a key's.
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"ApiKeys({len(self._digests)})"

    def check(self, metadata: Mapping[str, str]) -> None:
        """Raises ServingError (UNAUTHENTICATED) unless a known key is shown.

        Args:
            metadata: header names in lower case with their values.
        """
        if self._digests and not self._known(_shown(metadata)):
            raise ServingError(Code.UNAUTHENTICATED, _REFUSED)

    def _known(self, key: str) -> bool:
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)  # after all were compared, however early one matched


def read(file: Path | None, environment: Mapping[str, str]) -> ApiKeys:
    """Returns the keys of a file, one a line, or the one of ``FANOUT_API_KEY``.

    Two keys in the file let clients move from one to the other. Raises UserError when the file
    can't be read, holds none, or a key is short or has characters that a header can't carry.
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
        raise UserError(f"--api_key_file {file} holds no key, expected one a line")
    return ApiKeys(keys)


def _checked(key: str, source: str) -> str:
    if len(key) < MIN_CHARACTERS:
        raise UserError(
            f"{source}: a key has {len(key)} characters, expected {MIN_CHARACTERS} or more"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError(f"{source}: a key must be printable ASCII without spaces")
    return key


def _shown(metadata: Mapping[str, str]) -> str:
    key = metadata.get(HEADER)
    if key is not None:
        return key
    text = metadata.get(AUTHORIZATION, "")
    return text[len(_BEARER) :].strip() if text[: len(_BEARER)].lower() == _BEARER else ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
