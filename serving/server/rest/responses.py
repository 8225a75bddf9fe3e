"""HTTP responses of the REST API, and requests that still wait for a response."""

from collections.abc import Callable
from dataclasses import dataclass

from serving.server.dataplane.scheduler import Call
from serving.server.dataplane.statuses import Code, ServingError, from_exception, http_status
from serving.server.dataplane.tensors import Tensors
from serving.server.rest import json_response, routes

CORS_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST, GET"),
    ("Access-Control-Allow-Headers", "Content-Type"),
)
# The headers that a page must be allowed to send when keys are required.
CORS_KEY_HEADERS = (
    *CORS_HEADERS[:2],
    (CORS_HEADERS[2][0], "Content-Type, Authorization, X-API-Key"),
)
JSON_TYPE = "application/json"


class TooLarge(ServingError):
    """A request that exceeds a size limit, for which HTTP has its own status."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message)


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE


@dataclass(slots=True)
class Running:
    """A request that waits for a call."""

    call: Call
    answer: Callable[[Tensors], Response]
    done: Callable[[str], None] = lambda _: None

    def finish(self, result: Tensors | ServingError) -> Response:
        """Returns the response for the result of the call. Never raises."""
        problem = result
        if not isinstance(problem, ServingError):
            try:
                response = self.answer(problem)
            except Exception as error:
                problem = from_exception(error)
            else:
                self.done("OK")
                return response
        self.done(problem.code.name)
        return failed(problem)


def failed(error: BaseException) -> Response:
    """Returns the response for an error."""
    problem = from_exception(error)
    body = b"" if isinstance(problem, routes.BareError) else json_response.error(problem.message)
    status = 413 if isinstance(problem, TooLarge) else http_status(problem.code)
    return Response(status, body)


def not_found() -> Response:
    """Returns the response for a URL outside the API: an HTML page, not JSON."""
    page = b"<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
    return Response(404, page, "text/html")
