"""What surrounds every gRPC call: the API key before it, the access log after it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from serving.server.access_log import AccessLog
from serving.server.api_keys import ApiKeys
from serving.server.grpc_handlers import Method, Work
from serving.server.grpc_health import HealthService
from serving.server.statuses import Code, from_exception


def admission(keys: ApiKeys) -> Callable[[str, Mapping[str, str]], None] | None:
    """Returns what refuses calls without a known key; None when there are no keys.

    The health service is for probes, which have none.
    """
    if not keys:
        return None
    open_to_all = f"/{HealthService.NAME}/"

    def admit(path: str, metadata: Mapping[str, str]) -> None:
        if not path.startswith(open_to_all):
            keys.check(metadata)

    return admit


def logged(methods: Mapping[str, Method], log: AccessLog | None) -> Mapping[str, Method]:
    """Returns the methods, whose calls are logged; those that take streams are not."""
    if log is None:
        return methods
    return {
        path: replace(method, work=_logged(path, method.work, log)) if method.work else method
        for path, method in methods.items()
    }


def _logged(path: str, work: Work, log: AccessLog) -> Work:
    async def call(request: Any, context: Any) -> Any:
        started = time.perf_counter()
        code, sent = Code.CANCELLED, 0
        try:
            response = await work(request, context)
            code, sent = Code.OK, response.ByteSize()
            return response
        except Exception as error:
            code = from_exception(error).code
            raise
        finally:
            log.record(
                transport="grpc", remote=context.remote, method="POST", path=path,
                model=_model(request), status=code.name, request_bytes=request.ByteSize(),
                response_bytes=sent,
                milliseconds=round((time.perf_counter() - started) * 1e3, 3),
            )  # fmt: skip

    return call


def _model(request: Any) -> str:
    if hasattr(request, "model_spec"):
        return str(request.model_spec.name)
    tasks = getattr(request, "tasks", ())
    return str(tasks[0].model_spec.name) if tasks else ""
