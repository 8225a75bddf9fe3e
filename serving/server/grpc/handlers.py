"""A table of the methods of gRPC services: what each does, and the message it takes."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from serving.server.dataplane.statuses import invalid

# From request and context to a response; any error that it raises becomes the call's status.
Work = Callable[[Any, Any], Awaitable[Any]]
# From request, context and a callback for the response or error, to a function that cancels the
# call: without a task.
StartWork = Callable[[Any, Any, Callable[[Any], None]], Callable[[], None]]
# From requests and context to responses.
StreamWork = Callable[[AsyncIterator[Any], Any], AsyncGenerator[Any, None]]


class Service(Protocol):
    """A gRPC service."""

    NAME: str

    def methods(self) -> Mapping[str, "Method"]:
        """Returns its methods by name."""


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        message: the class of its requests.
        start: handles one request and gives one response.
        work: the same as a coroutine, instead of ``start``.
        stream: handles any number of requests and responses, instead of the others.
        read: parses a request's bytes, instead of the class.
    """

    message: Any
    start: StartWork | None = None
    work: Work | None = None
    stream: StreamWork | None = None
    read: Callable[[bytes], Any] | None = None

    def parse(self, data: bytes) -> Any:
        """Returns a request. Raises ServingError for bytes that are invalid, a client's mistake."""
        if self.read:
            return self.read(data)
        try:
            return self.message.FromString(data)
        except DecodeError as error:
            raise invalid(
                f"the request is not a valid {self.message.DESCRIPTOR.full_name}"
            ) from error


def table(services: Iterable[Service]) -> dict[str, Method]:
    """Returns the methods of services by path."""
    return {
        f"/{service.NAME}/{name}": method
        for service in services
        for name, method in service.methods().items()
    }
