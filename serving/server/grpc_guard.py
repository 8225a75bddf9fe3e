"""What surrounds every method of a gRPC service: the API key and the access log.

It works on the table of methods, whatever transport calls them. The context must have
``invocation_metadata()`` and ``peer()``.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from serving.server.access_log import AccessLog
from serving.server.api_keys import ApiKeys
from serving.server.grpc_handlers import Work
from serving.server.statuses import Code, from_exception

Methods = Mapping[str, tuple[Work, Any]]


def guarded(service: str, methods: Methods, keys: ApiKeys, log: AccessLog | None) -> Methods:
    """Returns the methods, called only for those who show a key, and logged."""
    if not keys and log is None:
        return methods
    return {
        name: (_guard(f"/{service}/{name}", work, keys, log), message)
        for name, (work, message) in methods.items()
    }


def _guard(path: str, work: Work, keys: ApiKeys, log: AccessLog | None) -> Work:
    async def guard(request: Any, context: Any) -> Any:
        started = time.perf_counter()
        code, sent = Code.CANCELLED, 0
        try:
            if keys:
                keys.check(_metadata(context))
            response = await work(request, context)
            code, sent = Code.OK, response.ByteSize()
            return response
        except Exception as error:
            code = from_exception(error).code
            raise
        finally:
            if log:
                log.record(
                    transport="grpc", remote=_remote(context), method="POST", path=path,
                    model=_model(request), status=code.name, request_bytes=request.ByteSize(),
                    response_bytes=sent,
                    milliseconds=round((time.perf_counter() - started) * 1e3, 3),
                )  # fmt: skip

    return guard


def _metadata(context: Any) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value.decode("latin-1")
        for name, value in context.invocation_metadata() or ()
    }


def _remote(context: Any) -> str:
    # ipv4:127.0.0.1:1234, ipv6:%5B::1%5D:1234 or unix:
    return unquote(context.peer()).partition(":")[2]


def _model(request: Any) -> str:
    if hasattr(request, "model_spec"):
        return str(request.model_spec.name)
    tasks = getattr(request, "tasks", ())
    return str(tasks[0].model_spec.name) if tasks else ""
