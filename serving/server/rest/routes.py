"""The URLs of the REST API (tensorflow_serving/model_servers/http_rest_api_util.cc)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from serving.server.dataplane.statuses import ServingError, invalid

PREFIX = "/v1/"
_CHOICE = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_CHOICE}:(?P<verb>classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_GET = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_CHOICE}(?:/(?P<verb>metadata))?",
    re.IGNORECASE | re.ASCII,
)
_MODEL = re.compile(r"/v1/models/(?P<name>[^/:]+)", re.IGNORECASE)
_MAX_VERSION = 2**63 - 1


class BareError(ServingError):
    """An error that TensorFlow Serving answers with an empty body."""


@dataclass(frozen=True)
class Route:
    """The request that a URL stands for.

    Attributes:
        verb: ``predict``, ``classify``, ``regress``, ``status`` or ``metadata``.
        model: the model's name.
        version, label: at most one of them is given.
    """

    verb: str
    model: str
    version: int | None = None
    label: str | None = None


def is_api(path: str) -> bool:
    """Returns whether a path belongs to the API; any other path is answered with 404."""
    return path[: len(PREFIX)].lower() == PREFIX


@lru_cache(maxsize=256)
def match(method: str, path: str) -> Route:
    """Returns the route of a request.

    Args:
        method: of HTTP, in upper case.
        path: without the query.

    Raises ServingError when no URL of the API matches.
    """
    pattern = {"POST": _POST, "GET": _GET}.get(method)
    parts = pattern.fullmatch(path) if pattern else None
    if parts is None:
        raise invalid(f"Malformed request: {method} {path}")
    name, version, label = parts["name"], parts["version"], parts["label"]
    number = None
    if version is not None:
        # int() of a very long number is slow; no version has more than 19 digits.
        digits = version.lstrip("0") or "0"
        number = int(digits) if len(digits) <= len(str(_MAX_VERSION)) else _MAX_VERSION + 1
        if number > _MAX_VERSION:
            raise BareError(invalid("").code, f"Failed to convert version: {version} to numeric.")
    if name is None:
        raise invalid("Missing model name in request.")
    verb = parts["verb"].lower() if parts["verb"] else "status"
    return Route(verb, _decode(name), number, _decode(label) if label else None)


def model(path: str) -> str:
    """Returns the model's name in a path, still percent-encoded; empty when there is none."""
    parts = _MODEL.match(path)
    return parts["name"] if parts else ""


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise BareError(invalid("").code, f"Failed to decode {text}") from error
