"""Methods of a gRPC service from a table: bytes in, bytes or a status out.

The server's own decoding answers bytes that are no such message with UNKNOWN and logs a trace;
here they are the client's mistake.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serving.server.statuses import Code, from_exception, invalid

Work = Callable[[Any, Any], Awaitable[Any]]
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def service(name: str, methods: Mapping[str, tuple[Work, Any]]) -> Any:
    """Returns a service for add_generic_rpc_handlers().

    Args:
        name: with its package.
        methods: for each method a coroutine of request and context, and the request's message.
            What it raises becomes the status of the call.
    """
    return grpc.method_handlers_generic_handler(
        name,
        {
            method: grpc.unary_unary_rpc_method_handler(_handler(work, message))
            for method, (work, message) in methods.items()
        },
    )


def _handler(work: Work, message: Any) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def handle(data: bytes, context: Any) -> bytes:
        try:
            response: bytes = (await work(_parse(data, message), context)).SerializeToString()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            problem = from_exception(error)
            code = _STATUS_CODES.get(problem.code, _STATUS_CODES[Code.UNKNOWN.value])
            await context.abort(code, problem.message)
            raise AssertionError("abort() raises") from error
        return response

    return handle


def _parse(data: bytes, message: Any) -> Any:
    try:
        return message.FromString(data)
    except DecodeError as error:
        raise invalid(f"the request is no {message.DESCRIPTOR.full_name}") from error
