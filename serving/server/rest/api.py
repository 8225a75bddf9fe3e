"""The REST API without a transport: takes a request's parts; gives a response or a call to run."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pickle import PickleBuffer
from typing import Any

from serving.server.dataplane import classify_regress, predict, protos
from serving.server.dataplane.metrics import CONTENT_TYPE as METRICS_TYPE
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.scheduler import Call
from serving.server.dataplane.shared import Clients, HeldBytes
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.dataplane.tensors import Tensors
from serving.server.dataplane.versions import Lease, Models
from serving.server.offload.converter import Job, writing_job
from serving.server.records.access_log import AccessLog
from serving.server.records.request_writer import RequestLog
from serving.server.rest import (
    json_examples,
    json_request,
    json_response,
    json_text,
    reading,
    routes,
)
from serving.server.rest.reading import ReadLimits
from serving.server.rest.responses import Response, Step, Waiting, failed, not_found
from serving.server.rest.routes import Route
from serving.server.settings.api_keys import Access


@dataclass(frozen=True)
class RestLimits:
    """Limits for requests and connections.

    Attributes:
        body_bytes: of a body as it was sent.
        timeout_seconds: how long a request may take to arrive, and then to wait for its turn.
        connections: how many may be open at a time.
        idle_seconds: after which a connection without requests is closed.
    """

    body_bytes: int = 64 << 20
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
        content: limits for the content of bodies.
        access: who may do what.
        log: the access log; None for none.
        sampled: the log of sampled requests with their answers; None for none.
        total: counts the bytes of the requests and the unread answers of all connections.
        clients: counts the connections of each client.
    """

    models: Models
    limits: RestLimits = field(default_factory=RestLimits)
    metrics: Metrics = field(default_factory=Metrics)
    metrics_path: str | None = None
    cors: bool = False
    content: ReadLimits = field(default_factory=ReadLimits)
    access: Access = field(default_factory=Access)
    log: AccessLog | None = None
    sampled: RequestLog | None = None
    total: HeldBytes = field(default_factory=HeldBytes)
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = Clients(self.limits.connections)

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Response | None:
        """Returns the refusal of a request without a known key; None when the request may continue.

        Args:
            method, path: the same as for begin().
            headers: those that may hold a key, by name in lower case.
        """
        if not self.access or method == "OPTIONS":
            return None
        check = self.access.check
        if path == self.metrics_path:
            check = self.access.check_admin
        try:
            if method == "GET" and routes.match(method, path).verb == "status":
                return None
        except ServingError:
            pass
        try:
            check(headers)
        except ServingError as error:
            return failed(error)
        return None

    def begin(
        self,
        method: str,
        path: str,
        pieces: Sequence[bytes] = (),
        encoding: str = "",
        origin: str = "",
    ) -> Step:
        """Returns the response to a request, or what it has to wait for. Never raises.

        Args:
            method: of HTTP, in upper case.
            path: of the URL, without the query, still percent-encoded.
            pieces: the body as it was sent.
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
            started = time.perf_counter()
            try:
                waiting = self._read(route, pieces, encoding)
            except ServingError as error:
                if self.models.known(route.model):  # other names are made up by clients
                    self.metrics.requests.add(route.model, error.code.name)
                raise
        except Exception as error:  # a client gets an answer to any error
            return failed(error)
        waiting.done = self._count(route, started)
        return waiting

    def _count(self, route: Route, started: float) -> Callable[[str], None]:
        def count(status: str) -> None:
            self.metrics.requests.add(route.model, status)
            self.metrics.request_latency.record(
                (time.perf_counter() - started) * 1e6, route.model, route.verb.title(), "REST"
            )

        return count

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

    def _read(self, route: Route, pieces: Sequence[bytes], encoding: str) -> Waiting:
        """Returns the call that a request asks for, or the job that reads a large one."""
        body = reading.small_body(pieces, encoding, self.content)
        if body is None:
            return self._read_later(route, pieces, encoding)
        if route.verb != "predict":
            examples = reading.examples_request(body, self.content)
            with self._leased(route) as lease:
                return self._run_examples(route.verb, lease, examples)
        try:
            lease = self.models.lease(route.model, route.version, route.label)
        except ServingError:
            document = json_text.parse_object(body, self.content.json_depth)
            json_request.signature_name(document)
            raise  # an error in the JSON takes precedence
        try:
            signatures = lease.servable.signatures
            return self._run(lease, reading.predict_request(body, signatures, self.content))
        except BaseException:
            lease.release()
            raise

    def _read_later(self, route: Route, pieces: Sequence[bytes], encoding: str) -> Waiting:
        size = sum(map(len, pieces))
        buffers = [PickleBuffer(piece) for piece in pieces]
        with self._leased(route) as lease:
            if route.verb != "predict":
                job = self._job(reading.large_examples_request, size, buffers, encoding)
                return Waiting(
                    job, lambda found: self._run_examples(route.verb, lease, found), lease=lease
                )
            signatures = lease.servable.signatures
            job = self._job(reading.large_predict_request, size, buffers, encoding, signatures)
            return Waiting(job, lambda found: self._run(lease, found), lease=lease)

    def _job(self, function: Callable[..., Any], size: int, *arguments: Any) -> Job:
        return Job(function, (*arguments, self.content), size, self._deadline())

    def _deadline(self) -> float:
        return time.monotonic() + self.limits.timeout_seconds

    @contextmanager
    def _leased(self, route: Route) -> Iterator[Lease]:
        """Yields the version that a request addresses; an error in the block releases it."""
        lease = self.models.lease(route.model, route.version, route.label)
        try:
            yield lease
        except BaseException:
            lease.release()
            raise

    def _run(self, lease: Lease, prediction: reading.Prediction) -> Waiting:
        signature = lease.servable.signatures[prediction.signature]
        outputs = tuple(signature.outputs)
        call = Call(
            lease,
            signature,
            prediction.inputs,
            outputs,
            self._deadline(),
            prediction.plain,
            prediction.weight,
        )

        def answer(outputs: Tensors) -> Step:
            if self.sampled:
                self.sampled.predict(lease.servable, signature, call.inputs, outputs)
            arguments = call.answered(outputs), prediction.layout
            return _write(json_response.predictions, outputs, arguments, call.deadline)

        return Waiting(call, answer)

    def _run_examples(self, verb: str, lease: Lease, examples: reading.Examples) -> Waiting:
        is_classification = verb == "classify"
        find = classify_regress.classification if is_classification else classify_regress.regression
        signature = find(lease.servable, examples.signature)
        inputs = predict.promised(signature, examples.inputs)
        self.content.inputs.check_rows(
            classify_regress.INPUTS,
            signature.inputs[classify_regress.INPUTS],
            inputs[classify_regress.INPUTS].shape,
        )
        outputs = tuple(signature.outputs)
        call = Call(lease, signature, inputs, outputs, self._deadline(), weight=examples.weight)
        rows = len(inputs[classify_regress.INPUTS])

        def answer(outputs: Tensors) -> Step:
            if self.sampled:
                self.sampled.examples(verb, lease.servable, signature, inputs, outputs)
            if is_classification:
                arguments: tuple[Any, ...] = signature, outputs, rows
                return _write(json_examples.classes, outputs, arguments, call.deadline)
            return _write(json_examples.values, outputs, (outputs, rows), call.deadline)

        return Waiting(call, answer)


def _write(
    function: Callable[..., bytes], outputs: Tensors, arguments: tuple[Any, ...], deadline: float
) -> Step:
    """Returns the response whose body a function writes, or the job that writes a large one."""
    if not json_response.is_large(outputs):
        return Response(200, function(*arguments))
    job = writing_job(function, arguments, outputs, deadline)
    return Waiting(job, lambda body: Response(200, body))


def _preflight(origin: str) -> Response:
    """Returns the answer to a CORS preflight request."""
    if _ORIGIN.search(origin):
        return Response(200, b"")
    raise ServingError(Code.FAILED_PRECONDITION, f"Origin header is missing or wrong: {origin}")
