"""The model server's own services and scheduler behind grpcio's server (grpc.aio).

It answers whether an HTTP/2 implementation of our own is worth its lines.
``python -m benchmarks.peers.grpcio_server PORT NAME FOLDER [FLAG…]``
"""

import asyncio
import sys
import time
from typing import Any

import grpc
import uvloop

from benchmarks.load import HOST
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.statuses import ServingError
from serving.server.grpc.calls import Context
from serving.server.grpc.handlers import Method
from serving.server.settings import flags

MAX_MESSAGE_BYTES = 64 << 20


class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes calls of grpcio to the methods of our services."""

    def __init__(self, methods: dict[str, Method]) -> None:
        self._handlers = {path: _handler(method) for path, method in methods.items()}

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


def _handler(method: Method) -> Any:
    async def call(data: bytes, context: Any) -> bytes:
        left = context.time_remaining()
        own = Context(float("inf") if left is None else time.monotonic() + left, {})
        try:
            request = method.parse(data)
            if method.start is None:
                assert method.work
                return bytes(await _written(method.work(request, own)))
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            method.start(request, own, future.set_result)
            answer = await future
        except ServingError as error:
            answer = error
        if isinstance(answer, ServingError):
            code = next(one for one in grpc.StatusCode if one.value[0] == answer.code)
            await context.abort(code, answer.message)
        return bytes(answer.SerializeToString())

    return grpc.unary_unary_rpc_method_handler(call)


async def _written(work: Any) -> bytes:
    return bytes((await work).SerializeToString())


async def main() -> None:
    port, name, folder = sys.argv[1:4]
    settings = flags.parse([f"--model_name={name}", f"--model_base_path={folder}", *sys.argv[4:]])
    tensorflow()
    from serving.server.dataplane.manager import Manager
    from serving.server.dataplane.metrics import Metrics
    from serving.server.dataplane.model_config import ModelConfig
    from serving.server.dataplane.scheduler import Scheduler
    from serving.server.dataplane.versions import Models
    from serving.server.grpc import handlers
    from serving.server.grpc.services import PredictionService
    from serving.server.server import THREADS, make_loader

    assert settings.model_base_path
    models, metrics = Models(), Metrics()
    config = ModelConfig(settings.model_name, settings.model_base_path)
    Manager(models, [config], make_loader(settings)).load_all()
    scheduler = Scheduler(
        asyncio.get_running_loop(),
        max_batch=settings.max_batch_size,
        threads=THREADS,
        metrics=metrics,
    )
    service = PredictionService(models, scheduler, metrics)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
    server.add_generic_rpc_handlers((Calls(handlers.table([service])),))
    server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main())
