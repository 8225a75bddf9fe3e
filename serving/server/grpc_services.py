"""The gRPC services over the models: messages in, messages or a status out."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server import predict, protos
from serving.server.models import Lease, Models
from serving.server.scheduler import Call, Result, Scheduler
from serving.server.statuses import Code, ServingError, from_exception, invalid
from serving.server.tensors import Tensors

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """tensorflow.serving.PredictionService."""

    def __init__(self, models: Models, scheduler: Scheduler) -> None:
        self._models = models
        self._scheduler = scheduler

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return await _answer(context, lambda: self._predict(request, context))

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _answer(context, lambda: self._metadata(request))

    async def _predict(self, request: Any, context: Any) -> Any:
        lease = lease_for(self._models, request)
        try:
            signature = predict.signature(lease.servable, request.model_spec.signature_name)
            predict.check_aliases(signature, request.inputs)
            inputs = {alias: protos.to_array(proto) for alias, proto in request.inputs.items()}
            predict.check_inputs(signature, inputs)
            wanted = predict.chosen_outputs(signature, request.output_filter)
        except BaseException:
            lease.release()
            raise
        left = context.time_remaining()
        deadline = float("inf") if left is None else time.monotonic() + left
        servable = lease.servable
        outputs = await run(self._scheduler, Call(lease, signature, inputs, wanted, deadline))
        response = predict_pb2.PredictResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.model_spec.signature_name = signature.name
        for alias, array in outputs.items():
            protos.to_proto(array, response.outputs[alias])
        return response

    async def _metadata(self, request: Any) -> Any:
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for wanted in request.metadata_field:
            if wanted != "signature_def":
                raise invalid(f"Metadata field {wanted} is not supported")
        lease = lease_for(self._models, request)
        try:
            found = lease.servable
            return protos.metadata_response(found.name, found.version, found.signature_defs)
        finally:
            lease.release()


class ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    """tensorflow.serving.ModelService."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _answer(context, lambda: self._status(request))

    async def _status(self, request: Any) -> Any:
        name, version, label = _spec(request)
        return protos.status_response(self._models.status(name, version, label))


def lease_for(models: Models, request: Any) -> Lease:
    """Returns the version that a request's ModelSpec names, acquired. Raises ServingError."""
    return models.lease(*_spec(request))


async def run(scheduler: Scheduler, call: Call) -> Tensors:
    """Returns the outputs of a call. Raises ServingError."""
    future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def deliver(result: Result) -> None:
        if not future.done():  # the client may have gone
            future.set_result(result)

    scheduler.submit(call, deliver)
    result = await future
    if isinstance(result, ServingError):
        raise result
    return result


def _spec(request: Any) -> tuple[str, int | None, str | None]:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    version = int(spec.version.value) if choice == "version" else None
    return spec.name, version, spec.version_label if choice == "version_label" else None


async def _answer(context: Any, work: Callable[[], Awaitable[Any]]) -> Any:
    """Returns what the work returns; its error becomes the status of the call."""
    try:
        return await work()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        problem = from_exception(error)
        code = _STATUS_CODES.get(problem.code, _STATUS_CODES[Code.UNKNOWN.value])
        await context.abort(code, problem.message)
        raise AssertionError("abort() raises") from error
