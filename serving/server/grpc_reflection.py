"""gRPC server reflection: what services there are and what their messages look like."""

from collections.abc import Iterable

from grpc_reflection.v1alpha import reflection, reflection_pb2

# Importing them puts the services where reflection looks for them.
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2  # noqa: F401

from serving.server.grpc_handlers import Method


class ReflectionService:
    """grpc.reflection.v1.ServerReflection, and v1alpha with the same messages.

    Tools such as grpcurl ask it, so that they need no .proto files.
    """

    VERSIONS = ("v1", "v1alpha")

    def __init__(self, version: str, services: Iterable[str]) -> None:
        self.NAME = f"grpc.reflection.{version}.ServerReflection"
        self._answers = reflection.aio.ReflectionServicer(  # type: ignore[attr-defined]
            service_names=sorted(services)
        )

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        request = reflection_pb2.ServerReflectionRequest
        return {"ServerReflectionInfo": Method(request, stream=self._answers.ServerReflectionInfo)}
