"""The optional API keys: the server refuses requests without a known key.

Only what probes and browsers need works without a key: gRPC's health service, the REST status of
a model, and a browser's preflight, which cannot carry one. Metrics and changes of the served models
are for the operator, so they need an admin key, which clients do not have.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import UserError
from serving.server.dataplane.statuses import Code, ServingError

HEADER = "x-api-key"
AUTHORIZATION = "authorization"
ENVIRONMENT = "FANOUT_API_KEY"
ADMIN_ENVIRONMENT = "FANOUT_ADMIN_API_KEY"
ADMIN_FLAG = "--admin_api_key_file"
_BEARER = "bearer "
MIN_CHARACTERS = 16
_REFUSED = f"a known API key is required, as {HEADER} or as authorization: Bearer"
_NO_ADMIN = (
    f"metrics and HandleReloadConfigRequest need an admin key, and this server has none; it is set "
    f"with {ADMIN_FLAG} or {ADMIN_ENVIRONMENT}"
)


class ApiKeys:
    """The accepted keys; if there are none, every request is accepted."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        # All digests have the same length, so comparing them does not reveal a key's length.
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"ApiKeys({len(self._digests)})"

    def know(self, key: str) -> bool:
        """Returns whether a key is one of these."""
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)  # all are compared, even if the first one matches


@dataclass(frozen=True)
class Access:
    """Who may do what.

    Attributes:
        clients: the keys that clients send; without any, everybody may ask for predictions.
        admins: the keys that also allow what only an operator does.
    """

    clients: ApiKeys = field(default_factory=ApiKeys)
    admins: ApiKeys = field(default_factory=ApiKeys)

    def __bool__(self) -> bool:
        return bool(self.clients or self.admins)

    @property
    def notes(self) -> tuple[str, ...]:
        """Returns what an operator should know about these keys."""
        if self.clients and not self.admins:
            return (f"clients need a key, but there is no admin key: {_NO_ADMIN}",)
        return ()

    def check(self, metadata: Mapping[str, str]) -> None:
        """Raises ServingError (UNAUTHENTICATED) unless a request carries a known key.

        Args:
            metadata: header values by name in lower case.
        """
        if self.clients:
            key = _presented(metadata)
            if not (self.clients.know(key) | self.admins.know(key)):
                raise ServingError(Code.UNAUTHENTICATED, _REFUSED)

    def check_admin(self, metadata: Mapping[str, str]) -> None:
        """Raises ServingError unless a request may do what only an operator does.

        Without any keys, everybody may. Otherwise it must carry an admin key: the code is
        PERMISSION_DENIED for a client's key and where there is no admin key.
        """
        if not self:
            return
        key = _presented(metadata)
        if self.admins.know(key):
            return
        if not self.admins:
            raise ServingError(Code.PERMISSION_DENIED, _NO_ADMIN)
        if self.clients.know(key):
            raise ServingError(Code.PERMISSION_DENIED, "an admin key is required, got a client's")
        raise ServingError(Code.UNAUTHENTICATED, _REFUSED.replace("API key", "admin key"))


def read(file: Path | None, admin_file: Path | None, environment: Mapping[str, str]) -> Access:
    """Returns the keys in two files, or those in ``FANOUT_API_KEY`` and ``FANOUT_ADMIN_API_KEY``.

    Raises UserError when a file can't be read or holds no key, when a key is too short or has
    characters that a header can't carry, or when a key is in both.
    """
    clients = _keys(file, "--api_key_file", ENVIRONMENT, environment)
    admins = _keys(admin_file, ADMIN_FLAG, ADMIN_ENVIRONMENT, environment)
    if set(clients) & set(admins):
        raise UserError("an admin key must differ from all client keys, got the same key for both")
    return Access(ApiKeys(clients), ApiKeys(admins))


def _keys(file: Path | None, flag: str, variable: str, environment: Mapping[str, str]) -> list[str]:
    """Returns the keys in a file, one per line, or the key in a variable.

    Two keys in the file let clients move from one to the other.
    """
    if file is None:
        key = environment.get(variable)
        return [_checked(key.strip(), variable)] if key else []
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{flag} {file} cannot be read: {error}") from error
    keys = [_checked(line, f"{flag} {file}") for line in lines if line]
    if not keys:
        raise UserError(f"{flag} {file} holds no key; expected one key per line")
    return keys


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
