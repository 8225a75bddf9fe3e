"""The standard gRPC health service (grpc/health/v1/health.proto)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

from grpc_health.v1 import health_pb2

from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.grpc.handlers import Method

_Status = health_pb2.HealthCheckResponse


class HealthService:
    """grpc.health.v1.Health: all services are SERVING until the server is about to stop.

    The package grpcio-health-checking has the messages. Its own service needs the context of
    grpcio's server, and loses all watchers of a service as soon as one of them leaves.
    """

    NAME = "grpc.health.v1.Health"

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._stopping = asyncio.Event()

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        request = health_pb2.HealthCheckRequest
        return {
            "Check": Method(request, work=self._check),
            "Watch": Method(request, stream=self._watch),
        }

    def stop(self) -> None:
        """Reports NOT_SERVING from now on."""
        self._stopping.set()

    def _status(self, service: str) -> Any:
        if service not in self._services:
            return _Status.SERVICE_UNKNOWN
        return _Status.NOT_SERVING if self._stopping.is_set() else _Status.SERVING

    async def _check(self, request: Any, _: Any) -> Any:
        if request.service not in self._services:
            raise ServingError(Code.NOT_FOUND, f"unknown service {request.service[:200]}")
        return _Status(status=self._status(request.service))

    async def _watch(self, requests: AsyncIterator[Any], _: Any) -> AsyncGenerator[Any, None]:
        async for request in requests:
            yield _Status(status=self._status(request.service))
            await self._stopping.wait()
            if request.service in self._services:
                yield _Status(status=self._status(request.service))
            return
        raise invalid("Watch takes one request")
