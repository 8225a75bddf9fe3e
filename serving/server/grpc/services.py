"""The gRPC service for predictions: takes messages; returns messages or a status."""

import time
from collections.abc import Callable
from typing import Any

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.dataplane import classify_regress, predict, protos, shapes
from serving.server.dataplane.delivery import result_of
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE
from serving.server.dataplane.scheduler import Call, Result, Scheduler
from serving.server.dataplane.statuses import Code, ServingError, from_exception, invalid
from serving.server.dataplane.tensors import Signature, Tensors
from serving.server.dataplane.versions import Lease, Models
from serving.server.grpc import reading, writing
from serving.server.grpc.fast import Quick, Requests, Responses, Written
from serving.server.grpc.handlers import Method, Work
from serving.server.grpc.reading import Large
from serving.server.grpc.specs import check_tasks, leased, spec_of
from serving.server.offload.converter import Converter, writing_job
from serving.server.records.request_writer import RequestLog


class PredictionService:
    """tensorflow.serving.PredictionService."""

    NAME = "tensorflow.serving.PredictionService"

    def __init__(
        self,
        models: Models,
        scheduler: Scheduler,
        metrics: Metrics,
        *,
        limits: InputLimits | None = None,
        seconds: float = float("inf"),
        sampled: RequestLog | None = None,
        converter: Converter | None = None,
    ) -> None:
        self._limits = limits or InputLimits()
        self._seconds = seconds
        self._sampled = sampled
        self._converter = converter
        self._models = models
        self._scheduler = scheduler
        self._metrics = metrics
        self._requests = Requests(predict_pb2.PredictRequest)
        self._responses = Responses(predict_pb2.PredictResponse)

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        classify, regress = classification_pb2, regression_pb2
        metadata = get_model_metadata_pb2.GetModelMetadataRequest

        def with_examples(message: Any, work: Work) -> Method:
            return Method(
                message,
                work=work,
                large=reading.examples,
                slow=reading.is_slow_input,
                inputs=self._limits,
            )

        return {
            "Predict": Method(
                predict_pb2.PredictRequest,
                start=self._predict,
                read=self._requests.parse,
                large=reading.predict,
                slow=reading.is_slow_predict,
                inputs=self._limits,
            ),
            "Classify": with_examples(
                classify.ClassificationRequest, self._counted("Classify", self._classify)
            ),
            "Regress": with_examples(
                regress.RegressionRequest, self._counted("Regress", self._regress)
            ),
            "MultiInference": with_examples(inference_pb2.MultiInferenceRequest, self._infer),
            "GetModelMetadata": Method(metadata, work=self._metadata),
        }

    def _counted(self, verb: str, work: Work) -> Work:
        """Returns the work, with a count of its requests by model."""

        async def counted(request: Any, context: Any) -> Any:
            started = time.perf_counter()
            name = request.model_spec.name
            try:
                response = await work(request, context)
            except Exception as error:
                self._count(verb, name, started, from_exception(error).code)
                raise
            self._count(verb, name, started, Code.OK)
            return response

        return counted

    def _count(self, verb: str, name: str, started: float, code: Code) -> None:
        if code is Code.OK:
            microseconds = (time.perf_counter() - started) * 1e6
            self._metrics.request_latency.record(microseconds, name, verb, "GRPC")
        elif not self._models.known(name):
            return  # unknown names are made up by clients
        self._metrics.requests.add(name, code.name)

    def _predict(
        self, request: Any, context: Any, deliver: Callable[[Any], None]
    ) -> Callable[[], None]:
        """Starts a prediction. Most requests are one; a task for each costs a fifth more."""
        started = time.perf_counter()
        quick = isinstance(request, Quick)
        # Reading a field of a message costs as much as reading ten attributes.
        name = request.form.model if quick else request.model_spec.name
        try:
            call = (self._quick if quick else self._prediction)(request, context)
        except Exception as error:
            self._count("Predict", name, started, from_exception(error).code)
            raise

        def finish(result: Result) -> None:
            answer: Any = result
            if not isinstance(result, ServingError):
                try:
                    answer = self._predicted(call, result, finish_written)
                except Exception as error:  # the client gets an answer to any error
                    answer = from_exception(error)
                if answer is None:
                    return  # it is being written
            end(answer)

        def finish_written(written: Any) -> None:
            end(written if isinstance(written, ServingError) else Written(written))

        def end(answer: Any) -> None:
            code = answer.code if isinstance(answer, ServingError) else Code.OK
            self._count("Predict", name, started, code)
            deliver(answer)

        self._scheduler.submit(call, finish)
        return call.abandon

    def _prediction(self, request: Any, context: Any) -> Call:
        with leased(self._models, request) as lease:
            is_large = isinstance(request, Large)
            message = request.message if is_large else request
            signature = predict.signature(lease.servable, message.model_spec.signature_name)
            if is_large:
                inputs = predict.from_arrays(signature, request.content, self._limits)
                fitted, weight = predict.promised(signature, inputs), request.weight
            else:
                inputs = predict.from_messages(signature, request.inputs, self._limits)
                fitted = predict.promised(signature, inputs)
                weight = self._limits.check(signature, fitted)
            wanted = predict.chosen_outputs(signature, message.output_filter)
        plain = fitted is not inputs
        return self._call(lease, signature, fitted, weight, context, wanted, plain=plain)

    def _quick(self, request: Quick, context: Any) -> Call:
        form = request.form
        if form.spec is None:
            form.spec = spec_of(form.message)
        lease = self._models.lease(*form.spec)
        try:
            signature = predict.signature(lease.servable, form.signature)
            inputs = {form.alias: request.array()}
            if form.checked is not signature:  # the checks depend only on the form
                predict.check_aliases(signature, inputs)
                fitted = predict.promised(signature, inputs)
                form.weight = self._limits.check(signature, fitted)
                form.wanted = predict.chosen_outputs(signature, form.message.output_filter)
                form.plain = fitted is not inputs
                form.checked = signature
            if form.plain:
                inputs = shapes.with_columns(signature, inputs)
            return self._call(
                lease, signature, inputs, form.weight, context, form.wanted, plain=form.plain
            )
        except BaseException:
            lease.release()
            raise

    def _predicted(self, call: Call, outputs: Tensors, later: Callable[[Any], None]) -> Any:
        """Returns the response; None when ``later`` will get it, because it takes long to write."""
        servable, signature = call.lease.servable, call.signature
        if self._sampled:
            self._sampled.predict(servable, signature, call.inputs, outputs)
        outputs = call.answered(outputs)
        key: Any = None
        if len(outputs) == 1:
            ((alias, array),) = outputs.items()
            key = (servable.name, servable.version, signature.name, alias)
            written = self._responses.known(key, array)
            if written is not None:
                return written
        result = writing.Result(servable.name, servable.version, signature, outputs)
        if self._converter and writing.is_large(outputs):
            job = writing_job(writing.predict_response, (result,), outputs, call.deadline)
            self._converter.submit(job, later)
            return None
        response = writing.predict_response(result)
        if key:
            self._responses.learn(key, alias, array, response)
        return Written(response)

    async def _classify(self, request: Any, context: Any) -> Any:
        with leased(self._models, request) as lease:
            signature = classify_regress.classification(
                lease.servable, request.model_spec.signature_name
            )
            inputs, weight = self._examples(signature, request)
        result = await self._result(lease, signature, inputs, weight, context)
        response = await self._written(writing.classification_response, result, result.outputs)
        if self._sampled:
            self._sampled.examples("classify", lease.servable, signature, inputs, result.outputs)
        return response

    async def _regress(self, request: Any, context: Any) -> Any:
        with leased(self._models, request) as lease:
            signature = classify_regress.regression(
                lease.servable, request.model_spec.signature_name
            )
            inputs, weight = self._examples(signature, request)
        result = await self._result(lease, signature, inputs, weight, context)
        response = await self._written(writing.regression_response, result, result.outputs)
        if self._sampled:
            self._sampled.examples("regress", lease.servable, signature, inputs, result.outputs)
        return response

    async def _infer(self, request: Any, context: Any) -> Any:
        """Runs each task as a separate call; the tasks share the version and the examples."""
        if not request.tasks:
            raise invalid("Inference request must have at least one task")
        check_tasks(request.tasks)
        results: list[tuple[bool, writing.Result]] = []
        version = None
        for task in request.tasks:
            name = task.model_spec.signature_name
            with leased(self._models, task, version) as lease:
                version = lease.servable.version
                classify = task.method_name == classify_regress.CLASSIFY_METHOD
                if lease.servable.signature(name) is None:
                    raise invalid(
                        f"Requested signature not found in model graph: {name or DEFAULT_SIGNATURE}"
                    )
                find = classify_regress.classification if classify else classify_regress.regression
                signature = find(lease.servable, name)
                inputs, weight = self._examples(signature, request)
            result = await self._result(lease, signature, inputs, weight, context)
            results.append((classify, result))
        outputs = {
            f"{place} {alias}": array
            for place, (_, result) in enumerate(results)
            for alias, array in result.outputs.items()
        }
        response = await self._written(writing.inference_response, results, outputs)
        if self._sampled:
            self._sampled.inference(
                lease.servable, signature, request.tasks, inputs, bytes(response)
            )
        return response

    async def _result(
        self, lease: Lease, signature: Signature, inputs: Tensors, weight: int, context: Any
    ) -> writing.Result:
        """Returns the outputs for tf.Examples. Raises ServingError."""
        call = self._call(lease, signature, inputs, weight, context)
        outputs = await result_of(self._scheduler.submit, call)
        servable, rows = lease.servable, len(inputs[classify_regress.INPUTS])
        return writing.Result(servable.name, servable.version, signature, outputs, rows)

    async def _written(self, write: Callable[[Any], bytes], result: Any, outputs: Tensors) -> Any:
        """Returns the response that a function of the module writing gives for a result."""
        if self._converter is None or not writing.is_large(outputs, classes=True):
            return Written(write(result))
        return Written(await self._converter.run(writing_job(write, (result,), outputs)))

    async def _metadata(self, request: Any, _: Any) -> Any:
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for wanted in request.metadata_field:
            if wanted != "signature_def":
                raise invalid(f"Metadata field {wanted} is not supported")
        lease = self._models.lease(*spec_of(request))
        try:
            servable = lease.servable
            return protos.metadata_response(
                servable.name, servable.version, servable.signature_defs
            )
        finally:
            lease.release()

    def _examples(self, signature: Signature, request: Any) -> tuple[Tensors, int]:
        """Returns the tf.Examples of a request, and their weight."""
        if isinstance(request, Large):
            inputs = predict.from_arrays(signature, request.content, self._limits)
            return predict.promised(signature, inputs), request.weight
        inputs = classify_regress.of_input(request.input, self._limits)
        fitted = predict.promised(signature, inputs)
        return fitted, self._limits.check(signature, fitted)

    def _call(
        self,
        lease: Lease,
        signature: Signature,
        inputs: Tensors,
        weight: int,
        context: Any,
        outputs: tuple[str, ...] = (),
        *,
        plain: bool = False,
    ) -> Call:
        deadline = min(context.deadline, time.monotonic() + self._seconds)
        wanted = outputs or tuple(signature.outputs)
        return Call(lease, signature, inputs, wanted, deadline, plain, weight)
