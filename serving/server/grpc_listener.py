"""gRPC's port and socket: what is served there, who is let in, and under which TLS."""

import asyncio
from collections.abc import Sequence
from typing import Any

from serving.server import grpc_handlers, tls
from serving.server.access_log import AccessLog
from serving.server.flags import Settings
from serving.server.grpc_guard import admission, logged
from serving.server.grpc_health import HealthService
from serving.server.grpc_reflection import ReflectionService
from serving.server.grpc_transport import GrpcLimits, GrpcProtocol, GrpcServer

BACKLOG = 1024
HANDSHAKE_SECONDS = 10.0


def server(
    settings: Settings,
    services: Sequence[Any],
    health: HealthService | None,
    log: AccessLog | None,
    connections: set[GrpcProtocol],
) -> GrpcServer:
    """Returns what all connections share.

    Args:
        services: those that an API key protects and the access log records.
        health: the health service, which is open to everybody; None leaves it out.
        connections: filled with those that are open.
    """
    open_to_all: list[Any] = [health] if health else []
    if settings.enable_grpc_reflection:
        names = [one.NAME for one in (*services, *open_to_all)]
        open_to_all += [ReflectionService(version, names) for version in ReflectionService.VERSIONS]
    limits = GrpcLimits(
        settings.max_body_bytes, settings.rest_api_timeout_in_ms / 1000, settings.max_connections
    )
    methods = grpc_handlers.table(services)
    return GrpcServer(
        {**(logged(methods, log) if log else methods), **grpc_handlers.table(open_to_all)},
        limits,
        admission(frozenset(methods), settings.api_keys, log),
        connections,
    )


async def listen(
    loop: asyncio.AbstractEventLoop, settings: Settings, server: GrpcServer
) -> list[asyncio.Server]:
    """Returns the listeners, the port's first. Raises OSError when one of them is taken."""
    found = []
    if settings.port:
        encryption: dict[str, Any] = {}
        if settings.ssl:
            context = tls.context(settings.ssl, flag="--ssl_config_file")
            context.set_alpn_protocols(["h2"])  # gRPC is spoken over nothing else
            encryption = {"ssl": context, "ssl_handshake_timeout": HANDSHAKE_SECONDS}
        found.append(
            await loop.create_server(
                lambda: GrpcProtocol(server),
                settings.host,
                settings.port,
                backlog=BACKLOG,
                **encryption,
            )
        )
    if settings.grpc_socket_path:
        found.append(
            await loop.create_unix_server(
                lambda: GrpcProtocol(server), str(settings.grpc_socket_path), backlog=BACKLOG
            )
        )
    return found
