"""Asks a model server on behalf of the page: the page's own origin is all it may reach.

The alternative, letting the model server answer pages of any origin (CORS), would let every site
that the user visits ask it. Here one address is asked, fixed at the start, and a request says no
more than the version and the examples.
"""

import http.client
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import UserError

MAX_BODY = 2**20
MAX_ANSWER = 2**20
SECONDS = 10.0
# The path below the page that its predictions go to; a version may follow.
PATH = "server/predict/"


class NoAnswerError(Exception):
    """The model server cannot be reached, or answered with what is no answer."""


@dataclass(frozen=True)
class ModelServer:
    """A model behind TensorFlow Serving's REST API.

    Attributes:
        host, port: where it listens.
        path: of the model, such as ``/v1/models/fashion``.
    """

    host: str
    port: int
    path: str

    @classmethod
    def at(cls, url: str) -> "ModelServer":
        """Returns the server of such an address. Raises UserError for what is none."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UserError(f"{url!r} is no address: {error}") from error
        if parts.scheme != "http" or not parts.hostname or not parts.path.startswith("/v1/models/"):
            raise UserError(f"got {url!r}; a model server is http://HOST:PORT/v1/models/NAME")
        return cls(parts.hostname, port or 80, parts.path.rstrip("/"))

    def predict(self, version: int | None, body: bytes) -> tuple[int, bytes]:
        """Returns the status and JSON of the server's answer.

        Args:
            version: of the model; None takes the newest that is served.

        Raises:
            NoAnswerError: there was no answer in time, or one that is too large or no JSON.
        """
        exact = "" if version is None else f"/versions/{version}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            connection.request(
                "POST",
                f"{self.path}{exact}:predict",
                body,
                {"Content-Type": "application/json", **_api_key()},
            )
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"the model server does not answer: {error}") from error
        finally:
            connection.close()
        if len(answer) > MAX_ANSWER:
            raise NoAnswerError(f"the model server answered with more than {MAX_ANSWER} bytes")
        try:
            json.loads(answer)
        except ValueError as error:
            raise NoAnswerError("the model server answered with what is no JSON") from error
        return response.status, answer


def _api_key() -> dict[str, str]:
    # The server that this command's environment started knows the same key.
    key = os.environ.get("FANOUT_API_KEY")
    return {"X-API-Key": key} if key else {}
