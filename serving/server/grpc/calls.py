"""One gRPC call on an HTTP/2 stream: passes messages to a method, and sends its answer back."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from serving.server.dataplane.shared import HeldBytes, Unread
from serving.server.dataplane.statuses import Code, ServingError, from_exception
from serving.server.grpc import messages
from serving.server.grpc.handlers import Method
from serving.server.grpc.messages import Messages, Packed
from serving.server.grpc.reading import Large
from serving.server.http2 import headers
from serving.server.http2.flow import Sender
from serving.server.http2.streams import Stream
from serving.server.offload.converter import Converter, Job

# The number of requests of a stream that may wait for the method to take them.
MAX_REQUESTS_AHEAD = 100


@dataclass(slots=True)  # a frozen one takes four times as long to create
class Context:
    """The context of a call, which a method gets besides the request.

    Attributes:
        deadline: on the clock of time.monotonic(); infinite when the client set none.
        metadata: by name in lower case.
        remote: the client's address; empty for a UNIX socket.
    """

    deadline: float
    metadata: Mapping[str, str]
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the calls of a connection share.

    Attributes:
        message_bytes: the limit for a message, also after it was unpacked.
        total: counts the bytes of the requests of all connections.
        unread: counts the bytes of this connection's large answers.
        converter: parses large messages; without one they are parsed here.
    """

    message_bytes: int
    total: HeldBytes
    unread: Unread
    converter: Converter | None = None


class Call:
    """The common parts of calls with one request and with many requests.

    Attributes:
        over: whether the answer is decided, though it may not be sent yet.
        since: when a part of the request last arrived, on the clock of time.monotonic().
    """

    def __init__(self, stream: Stream, sender: Sender, context: Context, shared: Shared) -> None:
        self._stream = stream
        self._sender = sender
        self._started = False
        self._cancelled = False
        self._task: asyncio.Task[None] | None = None
        self._shared = shared
        self._held = 0
        self._pieces: Messages | None = None
        self.over = False
        self.context = context
        self.since = time.monotonic()

    def received(self, data: bytes, *, end: bool) -> None:
        """Receives a part of the request. Raises ServingError when it is invalid."""
        raise NotImplementedError

    @property
    def receiving(self) -> bool:
        """Returns whether a request has begun to arrive and is not complete."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Returns how many bytes wait for the rest of their message."""
        return self._pieces.waiting if self._pieces else 0

    def _messages(self, data: bytes) -> Iterable[bytes | Packed]:
        """Returns the messages that these bytes complete. Raises ServingError."""
        size = len(data)
        self._shared.total.take(size, self._held)
        self._held += size
        if self._pieces is None:
            message = messages.only(data, self._shared.message_bytes)
            if message is not None:
                return (message,)  # the usual case
            encoding = self.context.metadata.get("grpc-encoding", "identity")
            self._pieces = Messages(encoding, self._shared.message_bytes)
        return self._pieces.add(data)

    def _end(self) -> None:
        """Drops the request, and takes no more of it."""
        self.over = True
        self._shared.total.give_back(self._held)
        self._held = 0
        self._pieces = None

    def fail(self, error: BaseException) -> None:
        """Ends the call with the status of an error."""
        self._end()
        if not self._stream.local_closed:
            problem = from_exception(error)
            block = messages.status_block(problem.code, problem.message, alone=not self._started)
            self._sender.end(self._stream, block)

    def cancel(self) -> None:
        """Ends the work, because no client waits for it."""
        self._cancelled = True
        self._end()
        # A cancelled task keeps its traceback, which refers to this call.
        task, self._task = self._task, None
        if task:
            task.cancel()

    def expire(self) -> None:
        """Ends a call whose deadline has passed."""
        self.cancel()
        self.fail(ServingError(Code.DEADLINE_EXCEEDED, "Deadline Exceeded"))


class Refusal(Call):
    """A request that is not gRPC: answered with an HTTP status when it is complete."""

    def __init__(
        self, status: str, stream: Stream, sender: Sender, context: Context, shared: Shared
    ) -> None:
        super().__init__(stream, sender, context, shared)
        self._status = status

    @property
    def receiving(self) -> bool:
        return True

    def received(self, data: bytes, *, end: bool) -> None:  # noqa: ARG002 - any data is ignored
        if end:
            self._sender.end(self._stream, headers.encode(((":status", self._status),)))


class UnaryCall(Call):
    """One request, one response."""

    def __init__(
        self, method: Method, stream: Stream, sender: Sender, context: Context, shared: Shared
    ) -> None:
        super().__init__(stream, sender, context, shared)
        self._method = method
        self._request: bytes | Packed | None = None
        self._begun = False
        self._job: Job | None = None
        self._cancel: Callable[[], None] | None = None

    @property
    def receiving(self) -> bool:
        return not self._begun

    def cancel(self) -> None:
        super().cancel()
        self._request = None
        if self._job:
            self._job.abandon()
        cancel, self._cancel = self._cancel, None
        if cancel:
            cancel()

    def received(self, data: bytes, *, end: bool) -> None:
        if data:
            if not end:
                self.since = time.monotonic()
            for message in self._messages(data):
                if self._request is not None:
                    raise ServingError(Code.UNIMPLEMENTED, "more than one request message")
                self._request = message
        if end:
            if self._request is None or self.waiting:
                raise ServingError(Code.INTERNAL, "the request message is missing or incomplete")
            self._begun = True
            self._sender.when_read(self._read)

    def _read(self) -> None:
        """Starts the method, now or after the converter has parsed the request."""
        message, self._request = self._request, None
        if message is None or self.over:
            return  # it was cancelled while it waited
        try:
            text = messages.small(message) if isinstance(message, Packed) else message
            request = None if text is None else self._method.parse(text)
            if (request is None or self._method.is_slow(request)) and self._read_later(message):
                return
            self._start(self._method.parse(messages.whole(message)) if request is None else request)
        except ServingError as error:
            self.cancel()
            self.fail(error)

    def _read_later(self, message: bytes | Packed) -> bool:
        """Has the converter parse a request; returns whether it can."""
        if self._shared.converter is None:
            return False
        if not isinstance(message, Packed):
            message = Packed([message], len(message), "", self._shared.message_bytes)
        self._job = self._method.job(message, self.context.deadline)
        if self._job is None:
            return False
        self._shared.converter.submit(self._job, self._parsed)
        return True

    def _parsed(self, result: Any) -> None:
        """Continues after the converter, with a reading.Content or a ServingError."""
        self._job = None
        if self._stream.local_closed or self._cancelled:
            return
        if isinstance(result, ServingError):
            self.fail(result)
            return
        request = self._method.message.FromString(result.message)
        self._start(Large(request, result.content, result.weight, result.size))

    def _start(self, request: Any) -> None:
        if self._method.start:
            try:
                self._cancel = self._method.start(request, self.context, self._answer)
            except Exception as error:  # a client gets an answer to any error
                self.fail(error)
        else:
            self._task = asyncio.get_running_loop().create_task(self._run(request))

    async def _run(self, request: Any) -> None:
        assert self._method.work is not None  # noqa: S101 - chosen by it
        try:
            response = await self._method.work(request, self.context)
        except Exception as error:  # a client gets an answer to any error
            self.fail(error)
        else:
            self._answer(response)

    def _answer(self, response: Any) -> None:
        if self._stream.local_closed or self._cancelled:
            return
        if isinstance(response, ServingError):
            self.fail(response)
            return
        self._end()
        self._cancel = None  # it refers to the inputs, and the response may have to wait
        body = response.SerializeToString()
        stream, sender = self._stream, self._sender
        if len(body) <= messages.LARGE_BYTES:
            framed = messages.frame(body)
            sender.respond(stream, messages.RESPONSE_BLOCK, framed, messages.OK_BLOCK)
            return
        try:
            self._shared.unread.take(len(body))
        except ServingError as error:
            self.fail(error)
            return
        sender.respond(  # without copying the body
            stream,
            messages.RESPONSE_BLOCK,
            messages.prefix(len(body)),
            messages.OK_BLOCK,
            rest=body,
        )


class StreamCall(Call):
    """Any number of requests and responses."""

    def __init__(
        self, method: Method, stream: Stream, sender: Sender, context: Context, shared: Shared
    ) -> None:
        super().__init__(stream, sender, context, shared)
        self._method = method
        # The requests with their sizes in bytes; None after the last.
        self._requests: asyncio.Queue[tuple[int, Any] | None] = asyncio.Queue()
        self._ahead = 0
        self._room = asyncio.Event()
        stream.flushed = self._room.set
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def receiving(self) -> bool:
        return bool(self.waiting)

    def received(self, data: bytes, *, end: bool) -> None:
        if data:
            self.since = time.monotonic()
            for message in self._messages(data):
                if self._requests.qsize() >= MAX_REQUESTS_AHEAD:
                    raise ServingError(
                        Code.RESOURCE_EXHAUSTED, "too many requests are waiting on one stream"
                    )
                text = messages.whole(message)
                self._requests.put_nowait((len(text), self._method.parse(text)))
                self._ahead += len(text)
        if end:
            self._requests.put_nowait(None)

    async def _iterate(self) -> AsyncGenerator[Any, None]:
        while (item := await self._requests.get()) is not None:
            yield item[1]
            self._ahead -= item[0]
            needed = self._ahead + self.waiting
            if needed < self._held:  # unpacked messages may have more bytes than arrived
                self._shared.total.give_back(self._held - needed)
                self._held = needed

    def _end(self) -> None:
        super()._end()
        while not self._requests.empty():
            self._requests.get_nowait()

    async def _run(self) -> None:
        assert self._method.stream is not None  # noqa: S101 - chosen by it
        try:
            responses = self._method.stream(self._iterate(), self.context)
            async with aclosing(responses):
                async for response in responses:
                    await self._send(messages.frame(response.SerializeToString()))
        except Exception as error:  # a client gets an answer to any error
            self.fail(error)
        else:
            self._end()
            if not self._stream.local_closed:
                alone = b"" if self._started else messages.RESPONSE_BLOCK
                self._sender.end(self._stream, alone + messages.OK_BLOCK)

    async def _send(self, body: bytes) -> None:
        if not self._started:
            self._started = True
            self._sender.begin(self._stream, messages.RESPONSE_BLOCK)
        self._room.clear()
        self._sender.data(self._stream, body)
        while self._stream.queue:  # until the client has taken it
            await self._room.wait()
            self._room.clear()
