"""Methods of gRPC services as a table: what each does, and the message it takes."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from serving.server.dataplane.statuses import invalid

# Request and context to a response; whatever it raises becomes the status of the call.
Work = Callable[[Any, Any], Awaitable[Any]]
# Request, context, and who gets the response or the error, to what cancels it: without a task.
StartWork = Callable[[Any, Any, Callable[[Any], None]], Callable[[], None]]
# Requests and context to responses.
StreamWork = Callable[[AsyncIterator[Any], Any], AsyncGenerator[Any, None]]


class Service(Protocol):
    """What a server is made of."""

    NAME: str

    def methods(self) -> Mapping[str, "Method"]:
        """Returns its methods by name."""


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        message: the class of its requests.
        start: for one request and one response.
        work: the same as a coroutine, instead.
        stream: for any number of both, instead.
        read: what makes a request of bytes, when not the class does.
    """

    message: Any
    start: StartWork | None = None
    work: Work | None = None
    stream: StreamWork | None = None
    read: Callable[[bytes], Any] | None = None

    def parse(self, data: bytes) -> Any:
        """Returns a request. Raises ServingError: bytes that are none are the client's mistake."""
        if self.read:
            return self.read(data)
        try:
            return self.message.FromString(data)
        except DecodeError as error:
            raise invalid(f"the request is no {self.message.DESCRIPTOR.full_name}") from error


def table(services: Iterable[Service]) -> dict[str, Method]:
    """Returns the methods of services by path."""
    return {
        f"/{service.NAME}/{name}": method
        for service in services
        for name, method in service.methods().items()
    }
