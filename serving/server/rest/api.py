"""The REST API without a transport: takes a request's parts; gives a response or a call to run."""

import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from serving.server.dataplane import classify_regress, predict, protos
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.metrics import CONTENT_TYPE as METRICS_TYPE
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE
from serving.server.dataplane.scheduler import Call
from serving.server.dataplane.shared import Clients, RequestBytes
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import Signature, Tensors
from serving.server.dataplane.versions import Lease, Models
from serving.server.records.access_log import AccessLog
from serving.server.records.request_writer import RequestLog, describe
from serving.server.rest import (
    json_examples,
    json_fast,
    json_request,
    json_response,
    json_text,
    routes,
)
from serving.server.rest.responses import Response, Running, TooLarge, failed, not_found
from serving.server.rest.routes import Route
from serving.server.settings.api_keys import ApiKeys

GZIP_WINDOW = 31  # zlib's number for "gzip header, largest window"


@dataclass(frozen=True)
class RestLimits:
    """Limits for requests and connections.

    Attributes:
        body_bytes: of a body as it was sent.
        unpacked_bytes: of a gzip body after it was unpacked.
        json_depth: nesting depth of lists and objects.
        timeout_seconds: how long a request may take to arrive, and then to wait for its turn.
        connections: how many may be open at a time.
        idle_seconds: after which a connection without requests is closed.
    """

    body_bytes: int = 64 << 20
    unpacked_bytes: int = 64 << 20
    json_depth: int = json_text.MAX_DEPTH
    timeout_seconds: float = 30.0
    connections: int = 900
    idle_seconds: float = 300.0


_ORIGIN = re.compile(r"https?://")


@dataclass
class Rest:
    """Answers requests with the loaded models.

    Attributes:
        models: the loaded models.
        limits: for requests and connections.
        metrics: count the requests.
        metrics_path: the path that Prometheus reads metrics from; None for none.
        cors: whether pages from other origins may use the answers.
        inputs: limits for the tensors.
        keys: the API keys; a client must send one of them.
        log: the access log; None for none.
        sampled: the log of sampled requests with their answers; None for none.
        total: counts the bytes of the requests of all connections.
        clients: counts the connections of each client.
    """

    models: Models
    limits: RestLimits = field(default_factory=RestLimits)
    metrics: Metrics = field(default_factory=Metrics)
    metrics_path: str | None = None
    cors: bool = False
    inputs: InputLimits = field(default_factory=InputLimits)
    keys: ApiKeys = field(default_factory=ApiKeys)
    log: AccessLog | None = None
    sampled: RequestLog | None = None
    total: RequestBytes = field(default_factory=RequestBytes)
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = Clients(self.limits.connections)

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Response | None:
        """Returns the refusal of a request without a known key; None when the request may continue.

        Args:
            method, path: the same as for begin().
            headers: those that may hold a key, by name in lower case.
        """
        if not self.keys or method == "OPTIONS":
            return None
        try:
            if method == "GET" and routes.match(method, path).verb == "status":
                return None
        except ServingError:
            pass
        try:
            self.keys.check(headers)
        except ServingError as error:
            return failed(error)
        return None

    def begin(
        self, method: str, path: str, body: bytes = b"", encoding: str = "", origin: str = ""
    ) -> Response | Running:
        """Returns the response to a request, or the call that it needs. Never raises.

        Args:
            method: of HTTP, in upper case.
            path: of the URL, without the query, still percent-encoded.
            body: as it was sent.
            encoding: the Content-Encoding header.
            origin: the Origin header.
        """
        try:
            if path == self.metrics_path and method == "GET":
                return Response(200, self.metrics.text(), METRICS_TYPE)
            if not routes.is_api(path):
                return not_found()
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
                if self.models.known(route.model):  # other names are made up by clients
                    self.metrics.requests.add(route.model, error.code.name)
                raise
        except Exception as error:  # a client gets an answer to any error
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
        """Returns the response to a request; runs its call at once in this thread."""
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
            servable = lease.servable
            body = protos.metadata_json(servable.name, servable.version, servable.signature_defs)
            return Response(200, body)
        finally:
            lease.release()

    def _predict(self, route: Route, body: bytes) -> Running:
        running = self._predict_quickly(route, body)
        if running is not None:
            return running
        document = json_text.parse_object(body, self.limits.json_depth)
        name = json_request.signature_name(document)
        with self._leased(route) as lease:
            signature = lease.servable.signature(name)
            if signature is None:
                raise invalid(
                    f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in '
                    "signature def"
                )
            layout, inputs = json_request.tensors(document, signature.inputs, body=body)
            return self._run(lease, signature, inputs, layout)

    def _classify(self, route: Route, body: bytes) -> Running:
        document = json_text.parse_object(body, self.limits.json_depth)
        name = json_request.signature_name(document)
        examples, context = json_examples.examples(document)
        with self._leased(route) as lease:
            signature = classify_regress.classification(lease.servable, name)

            def answer(outputs: Tensors) -> Response:
                rows = classify_regress.classes(signature, outputs, len(examples))
                self._sample("classify", lease, signature, examples, context, rows)
                texts = [
                    [(label.decode("utf-8", "surrogateescape"), score) for label, score in row]
                    for row in rows
                ]
                return Response(200, json_examples.results(texts))

            inputs = classify_regress.serialized(examples, context, limits=self.inputs)
            return Running(self._call(lease, signature, inputs), answer)

    def _regress(self, route: Route, body: bytes) -> Running:
        document = json_text.parse_object(body, self.limits.json_depth)
        name = json_request.signature_name(document)
        examples, context = json_examples.examples(document)
        with self._leased(route) as lease:
            signature = classify_regress.regression(lease.servable, name)

            def answer(outputs: Tensors) -> Response:
                rows = classify_regress.values(outputs, len(examples))
                self._sample("regress", lease, signature, examples, context, rows)
                return Response(200, json_examples.results(rows))

            inputs = classify_regress.serialized(examples, context, limits=self.inputs)
            return Running(self._call(lease, signature, inputs), answer)

    @contextmanager
    def _leased(self, route: Route) -> Iterator[Lease]:
        """Yields the version that a request addresses; an error in the block releases it."""
        lease = self.models.lease(route.model, route.version, route.label)
        try:
            yield lease
        except BaseException:
            lease.release()
            raise

    def _predict_quickly(self, route: Route, body: bytes) -> Running | None:
        """Returns the call of a request in the common form; None for any other form."""
        quick = json_fast.scan(body)
        if quick is None:
            return None
        try:
            lease = self.models.lease(route.model, route.version, route.label)
        except ServingError:
            return None  # an error in the JSON takes precedence over this one
        try:
            signature = lease.servable.signature(quick.signature)
            inputs = json_fast.read(quick, signature) if signature else None
            if signature is not None and inputs is not None:
                return self._run(lease, signature, inputs, quick.layout)
        except BaseException:
            lease.release()
            raise
        lease.release()
        return None

    def _run(
        self, lease: Lease, signature: Signature, inputs: Tensors, layout: json_request.Format
    ) -> Running:
        call = self._call(lease, signature, inputs)

        def answer(outputs: Tensors) -> Response:
            response = Response(200, json_response.predictions(call.answered(outputs), layout))
            if self.sampled:
                self.sampled.predict(lease.servable, signature, call.inputs, outputs)
            return response

        return Running(call, answer)

    def _sample(
        self, kind: str, lease: Lease, signature: Signature, examples: Any, context: Any, rows: Any
    ) -> None:
        """Logs a classify or regress request, if the model's requests are logged."""
        if self.sampled and self.sampled.wanted(lease.servable.name):
            request, response = protos.example_messages(kind, examples, context, rows)
            for spec in (request.model_spec, response.model_spec):
                describe(spec, lease.servable, signature)
            self.sampled.messages(kind, lease.servable, signature, request, response)

    def _call(self, lease: Lease, signature: Signature, inputs: Tensors) -> Call:
        fitted = predict.promised(signature, inputs)
        self.inputs.check(signature, fitted)
        deadline = time.monotonic() + self.limits.timeout_seconds
        outputs = tuple(signature.outputs)
        return Call(lease, signature, fitted, outputs, deadline, fitted is not inputs)

    def _unpack(self, body: bytes, encoding: str) -> bytes:
        if "gzip" not in encoding.lower():
            return body
        unpacker = zlib.decompressobj(GZIP_WINDOW)
        try:
            unpacked = unpacker.decompress(body, self.limits.unpacked_bytes + 1)
        except zlib.error as error:
            raise invalid("Content-Encoding says gzip, but the body is not gzip") from error
        if len(unpacked) > self.limits.unpacked_bytes:
            raise TooLarge(f"the unpacked body is larger than {self.limits.unpacked_bytes} bytes")
        if not unpacker.eof:
            raise invalid("the gzip body is incomplete")
        return unpacked


def _preflight(origin: str) -> Response:
    """Returns the answer to a CORS preflight request."""
    if _ORIGIN.search(origin):
        return Response(200, b"")
    raise ServingError(Code.FAILED_PRECONDITION, f"Origin header is missing or wrong: {origin}")
