"""The REST API without a transport: a request's parts in, a response or a call to run out."""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from serving.server import (
    json_fast,
    json_request,
    json_response,
    json_text,
    predict,
    protos,
    routes,
)
from serving.server.models import Lease, Models
from serving.server.routes import Route
from serving.server.saved_model import DEFAULT_SIGNATURE
from serving.server.scheduler import Call
from serving.server.statuses import Code, ServingError, from_exception, http_status, invalid
from serving.server.tensors import Signature, Tensors

JSON_TYPE = "application/json"
GZIP_WINDOW = 31  # zlib's number for "gzip header, largest window"


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Running:
    """A request that waits for a call: ``answer`` makes its response from the outputs."""

    call: Call
    answer: Callable[[Tensors], Response]


@dataclass(frozen=True)
class RestLimits:
    """Bounds of a request.

    Attributes:
        body_bytes: of a body, also after it was unpacked.
        timeout_seconds: how long a request may wait for its turn.
    """

    body_bytes: int = 64 << 20
    timeout_seconds: float = 30.0


@dataclass
class Rest:
    """Answers requests from the models that are loaded."""

    models: Models
    limits: RestLimits = field(default_factory=RestLimits)

    def begin(
        self, method: str, path: str, body: bytes = b"", encoding: str = ""
    ) -> Response | Running:
        """Returns the response to a request, or the call it needs. Never raises.

        Args:
            method: of HTTP, in upper case.
            path: of the URL, without query, still percent-encoded.
            body: as it was sent.
            encoding: the Content-Encoding header.
        """
        if not routes.is_api(path):
            return not_found()
        try:
            route = routes.match(method, path)
            if method == "GET":
                return self._describe(route)
            return self._predict(route, self._unpack(body, encoding))
        except Exception as error:  # a client gets an answer, whatever happened
            return failed(error)

    def handle(self, method: str, path: str, body: bytes = b"", encoding: str = "") -> Response:
        """Returns the response to a request, its call run at once in this thread."""
        begun = self.begin(method, path, body, encoding)
        if isinstance(begun, Response):
            return begun
        try:
            return begun.answer(begun.call.run())
        except Exception as error:
            return failed(error)
        finally:
            begun.call.lease.release()

    def _describe(self, route: Route) -> Response:
        if route.verb == "status":
            versions = self.models.status(route.model, route.version, route.label)
            return Response(200, protos.status_json(versions))
        lease = self.models.lease(route.model, route.version, route.label)
        try:
            found = lease.servable
            body = protos.metadata_json(found.name, found.version, found.signature_defs)
            return Response(200, body)
        finally:
            lease.release()

    def _predict(self, route: Route, body: bytes) -> Running:
        if route.verb != "predict":
            raise ServingError(Code.UNIMPLEMENTED, f"{route.verb} is not available")
        running = self._predict_quickly(route, body)
        if running is not None:
            return running
        document = json_text.parse_object(body)
        name = json_request.signature_name(document)
        lease = self.models.lease(route.model, route.version, route.label)
        try:
            signature = lease.servable.signature(name)
            if signature is None:
                raise invalid(
                    f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in '
                    "signature def"
                )
            layout, inputs = json_request.tensors(document, signature.inputs, body=body)
            predict.check_inputs(signature, inputs)
        except BaseException:
            lease.release()
            raise
        return self._run(lease, signature, inputs, layout)

    def _predict_quickly(self, route: Route, body: bytes) -> Running | None:
        """Returns the call of a request in the common form; None leaves it to the general way."""
        quick = json_fast.scan(body)
        if quick is None:
            return None
        try:
            lease = self.models.lease(route.model, route.version, route.label)
        except ServingError:
            return None  # an error in the JSON would come before this one
        signature = lease.servable.signature(quick.signature)
        inputs = json_fast.read(quick, signature) if signature else None
        if signature is None or inputs is None:
            lease.release()
            return None
        return self._run(lease, signature, inputs, quick.layout)

    def _run(
        self, lease: Lease, signature: Signature, inputs: Tensors, layout: json_request.Format
    ) -> Running:
        deadline = time.monotonic() + self.limits.timeout_seconds
        call = Call(lease, signature, inputs, tuple(signature.outputs), deadline)
        return Running(call, lambda outputs: _answer(outputs, layout))

    def _unpack(self, body: bytes, encoding: str) -> bytes:
        if "gzip" not in encoding.lower():
            return body
        unpacker = zlib.decompressobj(GZIP_WINDOW)
        try:
            unpacked = unpacker.decompress(body, self.limits.body_bytes + 1)
        except zlib.error as error:
            raise invalid("the body is not gzip, as its Content-Encoding says") from error
        if len(unpacked) > self.limits.body_bytes:
            raise invalid(f"the unpacked body is larger than {self.limits.body_bytes} bytes")
        if not unpacker.eof:
            raise invalid("the gzip body ends too early")
        return unpacked


def failed(error: BaseException) -> Response:
    """Returns the response for an error."""
    problem = from_exception(error)
    body = b"" if isinstance(problem, routes.BareError) else json_response.error(problem.message)
    return Response(http_status(problem.code), body)


def not_found() -> Response:
    """Returns the response for a URL outside the API, which is a page, not JSON."""
    page = b"<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
    return Response(404, page, "text/html")


def _answer(outputs: Tensors, layout: json_request.Format) -> Response:
    try:
        return Response(200, json_response.predictions(outputs, layout))
    except Exception as error:
        return failed(error)
