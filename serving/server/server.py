"""A running server: starts and stops the models, manager, scheduler and the two transports."""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import UserError
from serving.server.dataplane import allocator, independence, saved_model, warmup
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.scheduler import Scheduler
from serving.server.dataplane.shared import HeldBytes
from serving.server.dataplane.versions import Models
from serving.server.grpc import handlers
from serving.server.grpc.guard import admission, logged, refused
from serving.server.grpc.health import HealthService
from serving.server.grpc.models import ModelService
from serving.server.grpc.reflection import ReflectionService
from serving.server.grpc.services import PredictionService
from serving.server.grpc.transport import GrpcLimits, GrpcProtocol, GrpcServer
from serving.server.offload.converter import Converter
from serving.server.records import logs
from serving.server.records.logs import Logs
from serving.server.rest.api import Rest, RestLimits
from serving.server.rest.reading import ReadLimits
from serving.server.rest.transport import HttpProtocol
from serving.server.settings import tls
from serving.server.settings.flags import Settings
from serving.server.settings.settings_files import SslConfig

# How long requests in flight may take after SIGTERM.
GRACE_SECONDS = 10.0
# How often the server looks for connections that have been silent for too long.
SWEEP_SECONDS = 1.0
HANDSHAKE_SECONDS = 10.0
# After requests of so many bytes together have gone, freed memory is given back.
TRIM_BYTES = 8 << 20
# The number of threads that slow models run in, by default.
THREADS = 2


def make_loader(settings: Settings) -> Any:
    """Returns the function that the manager loads versions with."""

    def load(name: str, version: int, path: Path) -> Servable:
        session_parallelism = settings.tensorflow_session_parallelism
        servable = saved_model.load(
            path,
            name=name,
            version=version,
            tags=settings.saved_model_tags,
            threads=(
                settings.tensorflow_intra_op_parallelism or session_parallelism,
                settings.tensorflow_inter_op_parallelism or session_parallelism,
            ),
        )
        servable.check_methods = settings.enable_signature_method_name_check
        try:
            warmup_inputs = warmup.warm_up(servable, path) if settings.enable_model_warmup else {}
            if settings.enable_batching:
                servable.joinable = frozenset(
                    signature.name
                    for signature in servable.signatures.values()
                    if independence.joinable(
                        servable, signature, warmup_inputs.get(signature.name, {})
                    )
                )
        except BaseException:
            servable.close()
            raise
        return servable

    return load


@dataclass
class Server:
    """Listens on the ports in the settings; ``rest_port`` and ``grpc_port`` are the actual ones."""

    settings: Settings
    models: Models
    manager: Manager
    metrics: Metrics = field(default_factory=Metrics)
    rest_port: int = 0
    grpc_port: int = 0
    _total: HeldBytes = field(default_factory=HeldBytes)
    _trim: Callable[[], None] = field(default_factory=allocator.trim)
    _scheduler: Scheduler | None = None
    _converter: Converter | None = None
    _rest: asyncio.Server | None = None
    _grpc: list[asyncio.Server] = field(default_factory=list)
    _logs: Logs | None = None
    _health: HealthService | None = None
    _rest_connections: set[HttpProtocol] = field(default_factory=set)
    _grpc_connections: set[GrpcProtocol] = field(default_factory=set)

    async def start(self) -> None:
        """Starts listening. Raises UserError when a port is in use."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._scheduler = Scheduler(
            loop,
            max_batch=settings.max_batch_size,
            max_waiting=settings.max_queued_requests,
            threads=settings.batching.threads or THREADS,
            metrics=self.metrics,
        )
        self._converter = converter = Converter(loop)
        self._total = HeldBytes(settings.max_total_request_bytes, settings.max_body_bytes)
        self._logs = logs.start(settings, self.manager, self.metrics, loop)
        # REST last: whoever waits for the server asks for its status there.
        if settings.port or settings.grpc_socket_path:
            await self._start_grpc(loop, self._scheduler, converter, self._logs)
        if settings.rest_api_port:
            await self._start_rest(loop, self._scheduler, converter, self._logs)
        self._sweep(loop)

    async def _start_rest(
        self,
        loop: asyncio.AbstractEventLoop,
        scheduler: Scheduler,
        converter: Converter,
        server_logs: Logs,
    ) -> None:
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
            ReadLimits(
                settings.max_decompressed_bytes, settings.max_json_depth, self._input_limits()
            ),
            settings.access,
            server_logs.access,
            server_logs.requests,
            self._total,
        )
        try:
            self._rest = await loop.create_server(
                lambda: HttpProtocol(rest, scheduler, converter, self._rest_connections),
                settings.host,
                settings.rest_api_port,
                backlog=1024,
                **_encryption(settings.rest_api_ssl, "--rest_api_ssl_config_file"),
            )
        except OSError as error:
            raise _taken("--rest_api_port", settings, settings.rest_api_port, error) from error
        self.rest_port = self._rest.sockets[0].getsockname()[1]

    def _input_limits(self) -> InputLimits:
        settings = self.settings
        return InputLimits(
            settings.max_request_rows, settings.max_image_pixels, settings.max_tensor_bytes
        )

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in self._connections():
            connection.expire(now)
        if self._total.peak > TRIM_BYTES and self._total.held < self._total.peak // 2:
            self._total.peak = self._total.held
            loop.run_in_executor(None, self._trim)
        loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    async def _start_grpc(
        self,
        loop: asyncio.AbstractEventLoop,
        scheduler: Scheduler,
        converter: Converter,
        server_logs: Logs,
    ) -> None:
        settings = self.settings
        services: list[handlers.Service] = [
            PredictionService(
                self.models,
                scheduler,
                self.metrics,
                limits=self._input_limits(),
                seconds=settings.grpc_api_timeout_in_ms / 1000,
                sampled=server_logs.requests,
                converter=converter,
            ),
            ModelService(self.models, self.manager, may_reload=settings.enable_config_reload),
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
            settings.grpc_api_timeout_in_ms / 1000,
            settings.max_connections,
        )
        grpc = GrpcServer(
            logged(handlers.table(services), server_logs.access),
            limits,
            admission(settings.access),
            self._grpc_connections,
            refused(server_logs.access),
            self._total,
            converter,
        )
        if settings.port:
            try:
                listener = await loop.create_server(
                    lambda: GrpcProtocol(grpc),
                    settings.host,
                    settings.port,
                    backlog=1024,
                    **_encryption(settings.ssl, "--ssl_config_file", "h2"),
                )
            except OSError as error:
                raise _taken("--port", settings, settings.port, error) from error
            self.grpc_port = listener.sockets[0].getsockname()[1]
            self._grpc.append(listener)
        if settings.grpc_socket_path:
            # Not encrypted, as in TensorFlow Serving: file permissions decide who can connect.
            path = settings.grpc_socket_path
            try:
                self._grpc.append(
                    await loop.create_unix_server(lambda: GrpcProtocol(grpc), str(path))
                )
            except OSError as error:
                raise UserError(f"cannot listen on {path} (--grpc_socket_path): {error}") from error

    async def stop(self) -> None:
        """Takes no new requests, answers those in flight, and unloads nothing: the process ends."""
        if self._health:
            self._health.stop()
        for listener in (self._rest, *self._grpc):
            if listener:
                listener.close()
        for connection in self._connections():
            connection.drain()
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        while self._connections() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        if self._scheduler:
            self._scheduler.close()
        if self._converter:
            self._converter.close()
        if self._logs:
            self._logs.close()

    def _connections(self) -> list[HttpProtocol | GrpcProtocol]:
        return [*self._rest_connections, *self._grpc_connections]


def _encryption(config: SslConfig | None, flag: str, *protocols: str) -> dict[str, Any]:
    """Returns the TLS arguments for create_server(); empty without a configuration."""
    if config is None:
        return {}
    context = tls.context(config, flag=flag, protocols=protocols)
    return {"ssl": context, "ssl_handshake_timeout": HANDSHAKE_SECONDS}


def _taken(flag: str, settings: Settings, port: int, error: Exception) -> UserError:
    error_number = getattr(error, "errno", None)
    if error_number is None or error_number == errno.EADDRINUSE:
        reason = "the port is in use"
    else:
        reason = os.strerror(error_number)
    return UserError(f"cannot listen on {settings.host}:{port} ({flag}): {reason}")
