"""gRPC's status codes, which TensorFlow Serving uses internally, and their HTTP statuses."""

from enum import IntEnum
from typing import Any


class Code(IntEnum):
    """The canonical codes (google/rpc/code.proto), with gRPC's values."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# tensorflow_serving/model_servers/http_server.cc; codes that are not listed become 500.
_HTTP = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class ServingError(Exception):
    """A request that cannot be answered: a code and a message for the client."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message)

    def __str__(self) -> str:
        """Returns code and message as TensorFlow prints a status, for messages that include one."""
        return f"{self.code.name}: {self.message}"


def invalid(message: str) -> ServingError:
    """Returns the most common error: the client sent an invalid request."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def http_status(code: Code) -> int:
    """Returns the HTTP status that TensorFlow Serving answers with for a code."""
    return _HTTP.get(code, 500)


def from_exception(error: BaseException) -> ServingError:
    """Returns any exception as a ServingError; TensorFlow's errors keep their code."""
    if isinstance(error, ServingError):
        return error
    code = getattr(error, "error_code", None)
    if isinstance(code, int) and 0 < code <= Code.UNAUTHENTICATED:
        return ServingError(Code(code), str(getattr(error, "message", error)))
    if isinstance(error, MemoryError):
        return ServingError(Code.RESOURCE_EXHAUSTED, "out of memory")
    return ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
