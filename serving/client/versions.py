"""The versions of a model that a server reports: TensorFlow Serving's model status, over REST.

    server = Versions("http://127.0.0.1:8501", "fashion")
    server.available()          # [2, 3]
    server.states()[4].error    # why version 4 does not load
    server.labelled("stable")   # 3

A model or a label that the server does not know has no versions. If the server cannot be reached,
or answers with anything else, NoStatus is raised.
"""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from core.errors import FanoutError

AVAILABLE, END = "AVAILABLE", "END"
TIMEOUT_SECONDS = 5.0
LONGEST_ANSWER = 4 << 20
# How a server refuses a label or a model that it does not know; the body holds a message.
_UNKNOWN = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
_SHOWN_CHARACTERS = 200


class NoStatus(FanoutError):
    """A server did not report which versions it has.

    Attributes:
        answered: True when it answered with something that is not a model's status; False when it
            cannot be reached.
    """

    def __init__(self, message: str, *, answered: bool) -> None:
        super().__init__(message)
        self.answered = answered


@dataclass(frozen=True)
class State:
    """The state that a server reports for one version.

    Attributes:
        name: such as ``AVAILABLE``, or ``END`` when it was unloaded or did not load.
        error: why it did not load; empty if nothing is wrong.
    """

    name: str
    error: str = ""


@dataclass(frozen=True)
class Versions:
    """The versions of one model on one server; each call queries the server again.

    Attributes:
        address: of the server, ``http://host:port``.
        model: its name on that server.

    All methods raise NoStatus.
    """

    address: str
    model: str

    @property
    def url(self) -> str:
        """Returns the URL of the model's status."""
        return f"{self.address}{self._path('')}"

    def states(self) -> dict[int, State]:
        """Returns the state of each version, including those that are loading or have ended."""
        return self._ask("")

    def available(self) -> list[int]:
        """Returns the versions that answer requests, in ascending order."""
        return sorted(one for one, state in self.states().items() if state.name == AVAILABLE)

    def labelled(self, label: str) -> int | None:
        """Returns the version that a label names, in any state; None when there is none."""
        return next(iter(self._ask(label)), None)

    def _ask(self, label: str) -> dict[int, State]:
        path = self._path(label)
        status, content = self._get(path)
        try:
            answer = json.loads(content)
            if status in _UNKNOWN and isinstance(answer["error"], str):
                return {}
            if status == HTTPStatus.OK:
                return read(answer)
        except (KeyError, TypeError, ValueError, RecursionError):
            pass  # the error below quotes the answer
        text = content[:_SHOWN_CHARACTERS].decode(errors="replace")
        raise self._no_status(path, f"HTTP {status} with {text!r}", answered=True)

    def _get(self, path: str) -> tuple[int, bytes]:
        try:
            connection = http.client.HTTPConnection(
                self.address.partition("://")[2], timeout=TIMEOUT_SECONDS
            )
            with closing(connection):
                connection.request("GET", path)
                response = connection.getresponse()
                content = response.read(LONGEST_ANSWER + 1)
        # An address may be malformed, and a host may not be an internationalised name.
        except (OSError, http.client.InvalidURL, UnicodeError) as error:
            got = f"no answer: {error or type(error).__name__}"
            raise self._no_status(path, got, answered=False) from error
        except http.client.HTTPException as error:
            raise self._no_status(
                path, f"an answer that is not HTTP: {error!r}", answered=True
            ) from error
        if len(content) > LONGEST_ANSWER:
            got = f"more than {LONGEST_ANSWER} bytes"
            raise self._no_status(path, got, answered=True)
        return response.status, content

    def _path(self, label: str) -> str:
        model = f"/v1/models/{quote(self.model, safe='')}"
        return f"{model}/labels/{quote(label, safe='')}" if label else model

    def _no_status(self, path: str, got: str, *, answered: bool) -> NoStatus:
        rule = f"{self.address}{path} must answer with a model's status"
        return NoStatus(f"{rule}; got {got}", answered=answered)


def read(answer: Any) -> dict[int, State]:
    """Returns the state of each version in an answer. Raises ValueError when it is not a status.

    Args:
        answer: the body, parsed from JSON.
    """
    try:
        return {
            int(str(one["version"])): State(
                str(one["state"]), str(one.get("status", {}).get("error_message", ""))
            )
            for one in answer["model_version_status"]
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"something that is not a model's status: {error!r}") from error
