"""Methods of gRPC services as a table: what each does, and the message it takes."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from serving.server.statuses import invalid

# Request and context to a response; whatever it raises becomes the status of the call.
Work = Callable[[Any, Any], Awaitable[Any]]
# Requests and context to responses.
StreamWork = Callable[[AsyncIterator[Any], Any], AsyncGenerator[Any, None]]


class Service(Protocol):
    """What a server is made of."""

    NAME: str

    def methods(self) -> Mapping[str, tuple[Work | StreamWork, Any]]:
        """Returns what each method does and takes."""


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        message: the class of its requests.
        work: for one request and one response.
        stream: for any number of both, instead.
    """

    message: Any
    work: Work | None = None
    stream: StreamWork | None = None

    def parse(self, data: bytes) -> Any:
        """Returns a request. Raises ServingError: bytes that are none are the client's mistake."""
        try:
            return self.message.FromString(data)
        except DecodeError as error:
            raise invalid(f"the request is no {self.message.DESCRIPTOR.full_name}") from error


def table(services: Iterable[Any]) -> dict[str, Method]:
    """Returns the methods of services by path; those named in STREAMS take streams."""
    found = {}
    for service in services:
        streams = getattr(service, "STREAMS", ())
        for name, (work, message) in service.methods().items():
            method = Method(message, stream=work) if name in streams else Method(message, work=work)
            found[f"/{service.NAME}/{name}"] = method
    return found
