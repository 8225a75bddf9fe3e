"""Wrappers around every gRPC call: the API key before it, the access log after it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from serving.server.dataplane.statuses import Code, ServingError, from_exception
from serving.server.grpc.handlers import Method, StartWork, Work
from serving.server.grpc.health import HealthService
from serving.server.grpc.models import RELOAD_PATH
from serving.server.records.access_log import AccessLog
from serving.server.settings.api_keys import Access


def admission(access: Access) -> Callable[[str, Mapping[str, str]], None] | None:
    """Returns a function that refuses calls without the key that they need; None without keys.

    The health service needs no key, because probes have none.
    """
    if not access:
        return None
    open_to_all = f"/{HealthService.NAME}/"

    def admit(path: str, metadata: Mapping[str, str]) -> None:
        if path == RELOAD_PATH:
            access.check_admin(metadata)
        elif not path.startswith(open_to_all):
            access.check(metadata)

    return admit


def refused(log: AccessLog | None) -> Callable[[str, str, ServingError], None] | None:
    """Returns a function that logs calls that reach no method; None without a log."""
    if log is None:
        return None

    def record(path: str, remote: str, error: ServingError) -> None:
        log.record(
            transport="grpc", remote=remote, method="POST", path=path, model="",
            status=error.code.name, request_bytes=0, response_bytes=0, milliseconds=0.0,
        )  # fmt: skip

    return record


def logged(methods: Mapping[str, Method], log: AccessLog | None) -> Mapping[str, Method]:
    """Returns the methods with logging of their calls; calls with streams are not logged."""
    if log is None:
        return methods
    return {
        path: replace(
            method,
            start=_logged_start(path, method.start, log) if method.start else None,
            work=_logged(path, method.work, log) if method.work else None,
        )
        for path, method in methods.items()
    }


def _logged(path: str, work: Work, log: AccessLog) -> Work:
    async def call(request: Any, context: Any) -> Any:
        record = _recorder(log, path, request, context)
        answer: Any = ServingError(Code.CANCELLED, "")
        try:
            answer = await work(request, context)
        except Exception as error:
            answer = from_exception(error)
            raise
        finally:
            record(answer)
        return answer

    return call


def _logged_start(path: str, start: StartWork, log: AccessLog) -> StartWork:
    def call(request: Any, context: Any, deliver: Callable[[Any], None]) -> Callable[[], None]:
        record = _recorder(log, path, request, context)

        def recorded(answer: Any) -> None:
            record(answer)
            deliver(answer)

        try:
            return start(request, context, recorded)
        except Exception as error:
            record(from_exception(error))
            raise

    return call


def _recorder(log: AccessLog, path: str, request: Any, context: Any) -> Callable[[Any], None]:
    """Returns a function that records a call's end: its response, or the ServingError instead."""
    started = time.perf_counter()

    def record(answer: Any) -> None:
        failed = isinstance(answer, ServingError)
        log.record(
            transport="grpc", remote=context.remote, method="POST", path=path,
            model=_model(request), status=(answer.code if failed else Code.OK).name,
            request_bytes=request.ByteSize(), response_bytes=0 if failed else answer.ByteSize(),
            milliseconds=round((time.perf_counter() - started) * 1e3, 3),
        )  # fmt: skip

    return record


def _model(request: Any) -> str:
    if hasattr(request, "model_spec"):
        return str(request.model_spec.name)
    tasks = getattr(request, "tasks", ())
    return str(tasks[0].model_spec.name) if tasks else ""
