"""The REST API without a transport: a request's parts in, a response or a call to run out."""

import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from serving.server import (
    inference,
    json_examples,
    json_fast,
    json_request,
    json_response,
    json_text,
    predict,
    protos,
    routes,
)
from serving.server.metrics import CONTENT_TYPE as METRICS_TYPE
from serving.server.metrics import Metrics
from serving.server.models import Lease, Models
from serving.server.responses import Response, Running, failed, not_found
from serving.server.routes import Route
from serving.server.saved_model import DEFAULT_SIGNATURE
from serving.server.scheduler import Call
from serving.server.statuses import Code, ServingError, invalid
from serving.server.tensors import Signature, Tensors

GZIP_WINDOW = 31  # zlib's number for "gzip header, largest window"


@dataclass(frozen=True)
class RestLimits:
    """Bounds of a request.

    Attributes:
        body_bytes: of a body, also after it was unpacked.
        timeout_seconds: how long a request may take to arrive, and then to wait for its turn.
        connections: that may be open at a time.
        idle_seconds: after which a connection without requests is closed.
    """

    body_bytes: int = 64 << 20
    timeout_seconds: float = 30.0
    connections: int = 900
    idle_seconds: float = 300.0


_ORIGIN = re.compile(r"https?://")


@dataclass
class Rest:
    """Answers requests from the models that are loaded.

    Attributes:
        models: what is loaded.
        limits: bounds of a request.
        metrics: where requests are counted.
        metrics_path: where Prometheus reads them, None for nowhere.
        cors: whether pages of other origins may use the answers.
    """

    models: Models
    limits: RestLimits = field(default_factory=RestLimits)
    metrics: Metrics = field(default_factory=Metrics)
    metrics_path: str | None = None
    cors: bool = False

    def begin(
        self, method: str, path: str, body: bytes = b"", encoding: str = "", origin: str = ""
    ) -> Response | Running:
        """Returns the response to a request, or the call it needs. Never raises.

        Args:
            method: of HTTP, in upper case.
            path: of the URL, without query, still percent-encoded.
            body: as it was sent.
            encoding: the Content-Encoding header.
            origin: the Origin header.
        """
        if path == self.metrics_path and method == "GET":
            return Response(200, self.metrics.text(), METRICS_TYPE)
        if not routes.is_api(path):
            return not_found()
        try:
            if method == "OPTIONS":
                return _preflight(origin)
            route = routes.match(method, path)
            if method == "GET":
                return self._describe(route)
            verbs = {
                "predict": self._predict,
                "classify": self._classify,
                "regress": self._regress,
            }
            started = time.perf_counter()
            try:
                running = verbs[route.verb](route, self._unpack(body, encoding))
            except ServingError as error:
                if self.models.known(route.model):  # others would be names that clients make up
                    self.metrics.requests.add(route.model, error.code.name)
                raise
        except Exception as error:  # a client gets an answer, whatever happened
            return failed(error)
        running.done = self._count(route, started)
        return running

    def _count(self, route: Route, started: float) -> Callable[[str], None]:
        def count(status: str) -> None:
            self.metrics.requests.add(route.model, status)
            self.metrics.request_latency.record(
                (time.perf_counter() - started) * 1e6, route.model, route.verb.title(), "REST"
            )

        return count

    def handle(self, method: str, path: str, body: bytes = b"", encoding: str = "") -> Response:
        """Returns the response to a request, its call run at once in this thread."""
        begun = self.begin(method, path, body, encoding)
        if isinstance(begun, Response):
            return begun
        try:
            result: Tensors | ServingError = begun.call.run()
        except ServingError as error:
            result = error
        try:
            return begun.finish(result)
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
        running = self._predict_quickly(route, body)
        if running is not None:
            return running
        document = json_text.parse_object(body)
        name = json_request.signature_name(document)
        with self._leased(route) as lease:
            signature = lease.servable.signature(name)
            if signature is None:
                raise invalid(
                    f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in '
                    "signature def"
                )
            layout, inputs = json_request.tensors(document, signature.inputs, body=body)
            predict.check_inputs(signature, inputs)
            return self._run(lease, signature, inputs, layout)

    def _classify(self, route: Route, body: bytes) -> Running:
        document = json_text.parse_object(body)
        name = json_request.signature_name(document)
        examples, context = json_examples.examples(document)
        with self._leased(route) as lease:
            signature = inference.classification(lease.servable, name)

            def answer(outputs: Tensors) -> Response:
                rows = inference.classes(signature, outputs, len(examples))
                texts = [
                    [(label.decode("utf-8", "surrogateescape"), score) for label, score in row]
                    for row in rows
                ]
                return Response(200, json_examples.results(texts))

            inputs = inference.serialized(examples, context)
            return Running(self._call(lease, signature, inputs), answer)

    def _regress(self, route: Route, body: bytes) -> Running:
        document = json_text.parse_object(body)
        name = json_request.signature_name(document)
        examples, context = json_examples.examples(document)
        with self._leased(route) as lease:
            signature = inference.regression(lease.servable, name)

            def answer(outputs: Tensors) -> Response:
                rows = inference.values(outputs, len(examples))
                return Response(200, json_examples.results(rows))

            inputs = inference.serialized(examples, context)
            return Running(self._call(lease, signature, inputs), answer)

    @contextmanager
    def _leased(self, route: Route) -> Iterator[Lease]:
        """Yields the version a request is for; an error in the block gives it back."""
        lease = self.models.lease(route.model, route.version, route.label)
        try:
            yield lease
        except BaseException:
            lease.release()
            raise

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
        call = self._call(lease, signature, inputs)
        return Running(call, lambda outputs: _predictions(outputs, layout))

    def _call(self, lease: Lease, signature: Signature, inputs: Tensors) -> Call:
        deadline = time.monotonic() + self.limits.timeout_seconds
        return Call(lease, signature, inputs, tuple(signature.outputs), deadline)

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


def _preflight(origin: str) -> Response:
    """Returns the answer to the question whether a page may call the API."""
    if _ORIGIN.search(origin):
        return Response(200, b"")
    raise ServingError(Code.FAILED_PRECONDITION, f"Origin header is missing or wrong: {origin}")


def _predictions(outputs: Tensors, layout: json_request.Format) -> Response:
    return Response(200, json_response.predictions(outputs, layout))
