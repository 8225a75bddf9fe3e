"""Who may call gRPC's methods, and the line of the access log that each call leaves."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from serving.server.access_log import AccessLog
from serving.server.api_keys import ApiKeys
from serving.server.grpc_handlers import Method, Work
from serving.server.statuses import Code, ServingError, from_exception

Admission = Callable[[str, Mapping[str, str], str], None]


def admission(protected: frozenset[str], keys: ApiKeys, log: AccessLog | None) -> Admission | None:
    """Returns what refuses a call without a key before its message is read; None lets all in.

    Args:
        protected: the paths that need a key; health and reflection are not among them.
    """
    if not keys:
        return None

    def admit(path: str, metadata: Mapping[str, str], remote: str) -> None:
        if path not in protected:
            return
        try:
            keys.check(metadata)
        except ServingError as error:
            if log:
                _record(log, remote, path, error.code)
            raise

    return admit


def logged(methods: Mapping[str, Method], log: AccessLog) -> dict[str, Method]:
    """Returns the methods, by path, each of whose calls is recorded."""
    return {
        path: replace(method, work=_logged(path, method.work, log)) if method.work else method
        for path, method in methods.items()
    }


def _logged(path: str, work: Work, log: AccessLog) -> Work:
    async def recorded(request: Any, context: Any) -> Any:
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
            _record(
                log,
                context.remote,
                path,
                code,
                model=_model(request),
                request_bytes=request.ByteSize(),
                response_bytes=sent,
                milliseconds=round((time.perf_counter() - started) * 1e3, 3),
            )

    return recorded


def _record(
    log: AccessLog,
    remote: str,
    path: str,
    code: Code,
    *,
    model: str = "",
    request_bytes: int = 0,
    response_bytes: int = 0,
    milliseconds: float = 0.0,
) -> None:
    log.record(
        transport="grpc", remote=remote, method="POST", path=path, model=model, status=code.name,
        request_bytes=request_bytes, response_bytes=response_bytes, milliseconds=milliseconds,
    )  # fmt: skip


def _model(request: Any) -> str:
    if hasattr(request, "model_spec"):
        return str(request.model_spec.name)
    tasks = getattr(request, "tasks", ())
    return str(tasks[0].model_spec.name) if tasks else ""
