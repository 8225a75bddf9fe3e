"""HTTP responses of the REST API, and requests that still wait for a response."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.server.dataplane.scheduler import Call
from serving.server.dataplane.statuses import Code, ServingError, from_exception, http_status
from serving.server.dataplane.versions import Lease
from serving.server.offload.converter import Job
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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,)


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes | memoryview
    content_type: str = JSON_TYPE


@dataclass(slots=True)
class Waiting:
    """A request that waits: for a call of the model, or for the converter.

    Attributes:
        work: what has to be done first.
        go_on: takes its result; returns the next step, or raises what went wrong.
        done: is called with the name of the final status.
        lease: of the model, for as long as the request waits for the converter. A call has its own.
    """

    work: Call | Job
    go_on: "Callable[[Any], Step]"
    done: Callable[[str], None] = lambda _: None
    lease: Lease | None = None

    def finish(self, result: Any) -> "Step":
        """Returns the next step after the work. Never raises.

        Args:
            result: of the work, or a ServingError.
        """
        problem = result
        if not isinstance(problem, ServingError):
            try:
                step = self.go_on(problem)
            except Exception as error:  # a client gets an answer to any error
                problem = from_exception(error)
            else:
                if isinstance(step, Response):
                    self.done("OK")
                else:
                    step.done = self.done
                return step
        if self.lease:
            self.lease.release()
        self.done(problem.code.name)
        return failed(problem)


Step = Response | Waiting


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
