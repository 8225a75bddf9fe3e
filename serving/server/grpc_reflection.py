"""gRPC server reflection: what services there are and what their messages look like."""

from collections.abc import Iterable
from typing import Any

from grpc_reflection.v1alpha import reflection, reflection_pb2

from serving.server.grpc_handlers import StreamWork, Work


class ReflectionService:
    """grpc.reflection.v1.ServerReflection, and v1alpha with the same messages.

    Tools such as grpcurl ask it, so that they need no .proto files.
    """

    STREAMS = ("ServerReflectionInfo",)
    VERSIONS = ("v1", "v1alpha")

    def __init__(self, version: str, services: Iterable[str]) -> None:
        self.NAME = f"grpc.reflection.{version}.ServerReflection"
        self._answers = reflection.aio.ReflectionServicer(  # type: ignore[attr-defined]
            service_names=sorted(services)
        )

    def methods(self) -> dict[str, tuple[Work | StreamWork, Any]]:
        """Returns what each method does and takes."""
        request = reflection_pb2.ServerReflectionRequest
        return {"ServerReflectionInfo": (self._answers.ServerReflectionInfo, request)}
