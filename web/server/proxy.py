"""Asks a model server on behalf of the page, which may only reach its own origin.

The alternative would be a model server that answers pages of any origin (CORS). Then every site
that the user visits could use it. Here there is one address, which is fixed at the start, and a
request contains only the version and the examples.
"""

import http.client
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import UserError

# A picture of 512 x 512 in colours takes up to 15 MB as text.
MAX_BODY = 2**24
MAX_ANSWER = 2**24
# How many predictions are passed on at a time: each is in memory as a whole.
MAX_AT_ONCE = 4
SECONDS = 10.0
# The path, below the page's own, for its predictions; a version may follow.
PATH = "server/predict/"


class NoAnswerError(Exception):
    """The model server cannot be reached, or its answer is not valid."""


@dataclass(frozen=True)
class ModelServer:
    """A model behind TensorFlow Serving's REST API.

    Attributes:
        host, port: the address where it listens.
        path: the model's path, such as ``/v1/models/fashion``.
    """

    host: str
    port: int
    path: str

    @classmethod
    def at(cls, url: str) -> "ModelServer":
        """Returns the server at the address. Raises UserError when the address is invalid."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UserError(
                f"a model server's address must be http://HOST:PORT/v1/models/NAME, got {url!r}: "
                f"{error}"
            ) from error
        if parts.scheme != "http" or not parts.hostname or not parts.path.startswith("/v1/models/"):
            raise UserError(
                f"a model server's address must be http://HOST:PORT/v1/models/NAME, got {url!r}"
            )
        return cls(parts.hostname, port or 80, parts.path.rstrip("/"))

    def predict(self, version: int | None, body: bytes) -> tuple[int, bytes]:
        """Returns the status and JSON of the server's answer.

        Args:
            version: the model's version; None means the newest one that is served.

        Raises:
            NoAnswerError: no answer came in time, or it is too large or not JSON.
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
            raise NoAnswerError(f"the model server's answer has more than {MAX_ANSWER} bytes")
        try:
            json.loads(answer)
        except ValueError as error:
            raise NoAnswerError("the model server's answer is not JSON") from error
        return response.status, answer


def _api_key() -> dict[str, str]:
    # A model server that was started with the same environment knows the same key.
    key = os.environ.get("FANOUT_API_KEY")
    return {"X-API-Key": key} if key else {}
