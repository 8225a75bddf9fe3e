"""gRPC reflection, for tools such as grpcurl: on demand, and its package with it."""

from collections.abc import Sequence
from typing import Any

from pipeline.errors import UserError


def add(server: Any, names: Sequence[str]) -> None:
    """Has a grpc.aio server describe its services. Raises UserError without the package."""
    try:
        from grpc_reflection.v1alpha import reflection
    except ImportError as error:
        raise UserError(
            "--enable_grpc_reflection needs the package grpcio-reflection, which is not installed"
        ) from error
    reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)
