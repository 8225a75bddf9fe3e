"""A table of the methods of gRPC services: what each does, and the message it takes."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pickle import PickleBuffer
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.statuses import invalid
from serving.server.grpc.messages import Packed
from serving.server.grpc.reading import Content
from serving.server.offload.converter import Job

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
        large: parses large requests in the converter; if there is no such function, they are
            parsed like small ones. It takes what reading.predict() takes.
        slow: tells whether a small request, once parsed, is still better read by ``large``.
        inputs: limits for the tensors of a request, for ``large``.
    """

    message: Any
    start: StartWork | None = None
    work: Work | None = None
    stream: StreamWork | None = None
    read: Callable[[bytes], Any] | None = None
    large: Callable[..., Content] | None = None
    slow: Callable[[Any], bool] | None = None
    inputs: InputLimits = field(default_factory=InputLimits)

    def is_slow(self, request: Any) -> bool:
        """Returns whether a small request is better read by ``large``."""
        return bool(self.slow and isinstance(request, self.message) and self.slow(request))

    def job(self, message: Packed, deadline: float) -> Job | None:
        """Returns the job that parses a large request; its result is a reading.Content.

        Returns None when large requests of this method are parsed like small ones.
        """
        if self.large is None:
            return None
        pieces = [PickleBuffer(piece) for piece in message.pieces]
        arguments = (self.message, pieces, message.encoding, message.limit, self.inputs)
        return Job(self.large, arguments, message.size, deadline)

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
