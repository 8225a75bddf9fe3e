"""A running server: models, manager, scheduler and the two transports, started and stopped."""

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from pipeline.errors import UserError
from serving.server import grpc_handlers, grpc_reflection, independence, saved_model, tls, warmup
from serving.server.access_log import AccessLog
from serving.server.flags import Settings
from serving.server.grpc_guard import Methods, guarded
from serving.server.grpc_models import ModelService
from serving.server.grpc_services import PredictionService
from serving.server.http_transport import HttpProtocol
from serving.server.limits import InputLimits
from serving.server.manager import Manager
from serving.server.metrics import Metrics
from serving.server.model_config import Sampling
from serving.server.models import Models
from serving.server.request_log import RequestLog, default_sampling
from serving.server.rest import Rest, RestLimits
from serving.server.saved_model import Servable
from serving.server.scheduler import Scheduler

# How long requests in flight may take after SIGTERM.
GRACE_SECONDS = 10.0
# How often connections are looked through for those that have been silent for too long.
SWEEP_SECONDS = 1.0
HANDSHAKE_SECONDS = 10.0
# In which slow models run, when nothing else is said.
THREADS = 2


def make_loader(settings: Settings) -> Any:
    """Returns what the manager loads versions with."""

    def load(name: str, version: int, path: Path) -> Servable:
        both = settings.tensorflow_session_parallelism
        servable = saved_model.load(
            path,
            name=name,
            version=version,
            tags=settings.saved_model_tags,
            threads=(
                settings.tensorflow_intra_op_parallelism or both,
                settings.tensorflow_inter_op_parallelism or both,
            ),
        )
        servable.check_methods = settings.enable_signature_method_name_check
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
    _grpc: Any = None
    _health: Any = None
    _connections: set[HttpProtocol] = field(default_factory=set)
    _access_log: AccessLog | None = None
    _sampled: RequestLog | None = None

    async def start(self) -> None:
        """Listens. Raises UserError when a port is taken."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._scheduler = Scheduler(
            loop,
            max_batch=settings.max_batch_size,
            max_waiting=settings.max_queued_requests,
            threads=settings.batching.threads or THREADS,
            metrics=self.metrics,
        )
        self._start_logs(loop)
        if settings.rest_api_port:
            await self._start_rest(loop, self._scheduler)
        if settings.port or settings.grpc_socket_path:
            await self._start_grpc(self._scheduler)

    def _start_logs(self, loop: asyncio.AbstractEventLoop) -> None:
        settings, metrics = self.settings, self.metrics

        def in_loop(action: Callable[..., None], *values: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: action(*values))

        if settings.access_log:
            self._access_log = AccessLog(
                settings.access_log,
                max_bytes=settings.log_max_file_bytes,
                max_files=settings.log_max_files,
                dropped=lambda: in_loop(metrics.access_log_dropped.add),
            )

        def sampling(model: str) -> Sampling | None:
            own = self.manager.logging(model)
            if own or not settings.request_log_prefix:
                return own
            return default_sampling(
                settings.request_log_prefix, model, settings.request_log_sampling_rate
            )

        self._sampled = RequestLog(
            sampling,
            settings.saved_model_tags,
            lambda model, code: in_loop(metrics.logged.add, model, code),
            settings.log_max_file_bytes,
            settings.log_max_files,
        )

    async def _start_rest(self, loop: asyncio.AbstractEventLoop, scheduler: Scheduler) -> None:
        settings = self.settings
        limits = RestLimits(
            settings.max_body_bytes,
            settings.max_decompressed_bytes,
            settings.max_json_depth,
            settings.rest_api_timeout_in_ms / 1000,
            settings.max_connections,
        )
        rest = Rest(
            self.models,
            limits,
            self.metrics,
            settings.monitoring.path,
            settings.rest_api_enable_cors_support,
            self._input_limits(),
            settings.api_keys,
            self._access_log,
            self._sampled,
        )
        encryption: dict[str, Any] = {}
        if settings.rest_api_ssl:
            encryption = {
                "ssl": tls.context(settings.rest_api_ssl, flag="--rest_api_ssl_config_file"),
                "ssl_handshake_timeout": min(limits.timeout_seconds, HANDSHAKE_SECONDS),
            }
        try:
            self._rest = await loop.create_server(
                lambda: HttpProtocol(rest, scheduler, self._connections),
                settings.host,
                settings.rest_api_port,
                backlog=1024,
                **encryption,
            )
        except OSError as error:
            raise _taken("--rest_api_port", settings, settings.rest_api_port, error) from error
        self.rest_port = self._rest.sockets[0].getsockname()[1]
        self._sweep(loop)

    def _input_limits(self) -> InputLimits:
        return InputLimits(self.settings.max_request_rows, self.settings.max_image_pixels)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            connection.expire(now)
        loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    async def _start_grpc(self, scheduler: Scheduler) -> None:
        settings = self.settings
        size = settings.max_body_bytes
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", -1),
                # A second server on the port must fail, not share it.
                ("grpc.so_reuseport", 0),
            ]
        )
        services: tuple[PredictionService | ModelService, ...] = (
            PredictionService(
                self.models,
                scheduler,
                self.metrics,
                limits=self._input_limits(),
                seconds=settings.grpc_api_timeout_in_ms / 1000,
                sampled=self._sampled,
            ),
            ModelService(self.models, self.manager),
        )
        server.add_generic_rpc_handlers(
            tuple(grpc_handlers.service(one.NAME, self._guarded(one)) for one in services)
        )
        if settings.enable_grpc_reflection:
            grpc_reflection.add(server, [one.NAME for one in services])
        if settings.enable_grpc_healthcheck_service:
            self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
            for service in ("", *(one.NAME for one in services)):
                await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        try:
            self._listen(server)
        except RuntimeError as error:
            raise _taken("--port", settings, settings.port, error) from error
        await server.start()
        self._grpc = server

    def _listen(self, server: Any) -> None:
        """Opens gRPC's port and socket. Raises RuntimeError when one of them is taken."""
        settings = self.settings
        address = f"{settings.host}:{settings.port}"
        if settings.port and settings.ssl:
            tls.context(settings.ssl, flag="--ssl_config_file")  # gRPC would only log what is wrong
            self.grpc_port = server.add_secure_port(address, tls.grpc_credentials(settings.ssl))
        elif settings.port:
            self.grpc_port = server.add_insecure_port(address)
        if settings.grpc_socket_path:
            server.add_insecure_port(f"unix:{settings.grpc_socket_path}")

    def _guarded(self, service: PredictionService | ModelService) -> Methods:
        return guarded(service.NAME, service.methods(), self.settings.api_keys, self._access_log)

    async def stop(self) -> None:
        """Takes no new requests, answers those begun, and unloads nothing: the process ends."""
        if self._health:
            await self._health.enter_graceful_shutdown()
        if self._rest:
            self._rest.close()
            for connection in list(self._connections):
                connection.drain()
        if self._grpc:
            await self._grpc.stop(GRACE_SECONDS)
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        if self._scheduler:
            self._scheduler.close()
        if self._sampled:
            self._sampled.close()
        if self._access_log:
            self._access_log.close()


def _taken(flag: str, settings: Settings, port: int, error: Exception) -> UserError:
    number = getattr(error, "errno", None)
    if number is None or number == errno.EADDRINUSE:
        reason = "the port is in use"
    else:
        reason = os.strerror(number)
    return UserError(f"cannot listen on {settings.host}:{port} ({flag}): {reason}")
