"""gRPC server reflection: the services of the server, and the format of their messages."""

from collections.abc import Iterable

from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2

from serving.server.grpc.handlers import Method, Service


class ReflectionService:
    """grpc.reflection.v1.ServerReflection, and v1alpha with the same messages.

    Tools such as grpcurl use it, so they need no .proto files.
    """

    VERSIONS = ("v1", "v1alpha")

    def __init__(self, version: str, services: Iterable[Service]) -> None:
        self.NAME = f"grpc.reflection.{version}.ServerReflection"
        names = []
        for service in services:
            names.append(service.NAME)
            _describe(service)
        self._answers = reflection.aio.ReflectionServicer(  # type: ignore[attr-defined]
            service_names=sorted(names)
        )

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        request = reflection_pb2.ServerReflectionRequest
        return {"ServerReflectionInfo": Method(request, stream=self._answers.ServerReflectionInfo)}


def _describe(service: Service) -> None:
    """Registers a service in the pool that reflection reads, unless it is already there.

    The modules of tensorflow-serving-api that describe its services can't be imported, because they
    are older than today's protobuf. The modules of its messages can.
    """
    pool = descriptor_pool.Default()
    try:
        pool.FindServiceByName(service.NAME)
    except KeyError:
        package, _, name = service.NAME.rpartition(".")
        file = descriptor_pb2.FileDescriptorProto(
            name=f"{service.NAME}.proto", package=package, syntax="proto3"
        )
        described = file.service.add(name=name)
        for method_name, method in service.methods().items():
            request = method.message.DESCRIPTOR
            response = request.full_name.removesuffix("Request") + "Response"
            described.method.add(
                name=method_name, input_type=f".{request.full_name}", output_type=f".{response}"
            )
            if request.file.name not in file.dependency:
                file.dependency.append(request.file.name)
        pool.AddSerializedFile(file.SerializeToString())
