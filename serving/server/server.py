"""A running server: models, manager, scheduler and the two transports, started and stopped."""

import asyncio
import errno
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from serving.server import grpc_handlers, independence, saved_model, warmup
from serving.server.flags import Settings
from serving.server.grpc_health import HealthService
from serving.server.grpc_models import ModelService
from serving.server.grpc_reflection import ReflectionService
from serving.server.grpc_services import PredictionService
from serving.server.grpc_transport import GrpcLimits, GrpcProtocol, GrpcServer
from serving.server.http_transport import HttpProtocol
from serving.server.manager import Manager
from serving.server.metrics import Metrics
from serving.server.models import Models
from serving.server.rest import Rest, RestLimits
from serving.server.saved_model import Servable
from serving.server.scheduler import Scheduler

# How long requests in flight may take after SIGTERM.
GRACE_SECONDS = 10.0
# How often connections are looked through for those that have been silent for too long.
SWEEP_SECONDS = 1.0


def make_loader(settings: Settings) -> Any:
    """Returns what the manager loads versions with."""

    def load(name: str, version: int, path: Path) -> Servable:
        servable = saved_model.load(
            path, name=name, version=version, tags=settings.saved_model_tags
        )
        try:
            seen = warmup.warm_up(servable, path) if settings.enable_model_warmup else {}
            if settings.enable_batching:
                servable.joinable = frozenset(
                    signature.name
                    for signature in servable.signatures.values()
                    if independence.joinable(servable, signature, seen.get(signature.name, {}))
                )
        except BaseException:
            servable.close()
            raise
        return servable

    return load


@dataclass
class Server:
    """Listens on the ports of the settings. ``rest_port`` and ``grpc_port`` say which."""

    settings: Settings
    models: Models
    manager: Manager
    metrics: Metrics = field(default_factory=Metrics)
    rest_port: int = 0
    grpc_port: int = 0
    _scheduler: Scheduler | None = None
    _rest: asyncio.Server | None = None
    _grpc: asyncio.Server | None = None
    _health: HealthService | None = None
    _rest_connections: set[HttpProtocol] = field(default_factory=set)
    _grpc_connections: set[GrpcProtocol] = field(default_factory=set)

    async def start(self) -> None:
        """Listens. Raises UserError when a port is taken."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._scheduler = Scheduler(
            loop,
            max_batch=settings.max_batch_size,
            max_waiting=settings.max_queued_requests,
            metrics=self.metrics,
        )
        if settings.rest_api_port:
            await self._start_rest(loop, self._scheduler)
        if settings.port:
            await self._start_grpc(loop, self._scheduler)
        self._sweep(loop)

    async def _start_rest(self, loop: asyncio.AbstractEventLoop, scheduler: Scheduler) -> None:
        settings = self.settings
        limits = RestLimits(
            settings.max_body_bytes,
            settings.rest_api_timeout_in_ms / 1000,
            settings.max_connections,
        )
        rest = Rest(
            self.models,
            limits,
            self.metrics,
            settings.monitoring.path,
            settings.rest_api_enable_cors_support,
        )
        try:
            self._rest = await loop.create_server(
                lambda: HttpProtocol(rest, scheduler, self._rest_connections),
                settings.host,
                settings.rest_api_port,
                backlog=1024,
            )
        except OSError as error:
            raise _taken("--rest_api_port", settings, settings.rest_api_port, error) from error
        self.rest_port = self._rest.sockets[0].getsockname()[1]

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in self._connections():
            connection.expire(now)
        loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    async def _start_grpc(self, loop: asyncio.AbstractEventLoop, scheduler: Scheduler) -> None:
        settings = self.settings
        services: list[grpc_handlers.Service] = [
            PredictionService(self.models, scheduler, self.metrics),
            ModelService(self.models, self.manager),
        ]
        if settings.enable_grpc_healthcheck_service:
            self._health = HealthService(one.NAME for one in services)
            services.append(self._health)
        described = list(services)
        services += [
            ReflectionService(version, described) for version in ReflectionService.VERSIONS
        ]
        limits = GrpcLimits(
            settings.max_body_bytes,
            settings.rest_api_timeout_in_ms / 1000,
            settings.max_connections,
        )
        grpc = GrpcServer(grpc_handlers.table(services), limits, connections=self._grpc_connections)
        try:
            self._grpc = await loop.create_server(
                lambda: GrpcProtocol(grpc), settings.host, settings.port, backlog=1024
            )
        except OSError as error:
            raise _taken("--port", settings, settings.port, error) from error
        self.grpc_port = self._grpc.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Takes no new requests, answers those begun, and unloads nothing: the process ends."""
        if self._health:
            self._health.stop()
        for listener in (self._rest, self._grpc):
            if listener:
                listener.close()
        for connection in self._connections():
            connection.drain()
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        while self._connections() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        if self._scheduler:
            self._scheduler.close()

    def _connections(self) -> list[HttpProtocol | GrpcProtocol]:
        return [*self._rest_connections, *self._grpc_connections]


def _taken(flag: str, settings: Settings, port: int, error: Exception) -> UserError:
    number = getattr(error, "errno", None)
    if number is None or number == errno.EADDRINUSE:
        reason = "the port is in use"
    else:
        reason = os.strerror(number)
    return UserError(f"cannot listen on {settings.host}:{port} ({flag}): {reason}")
