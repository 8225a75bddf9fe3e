"""The image's health check: queries gRPC's standard health service inside the container."""

import os
import sys

ADDRESS = "127.0.0.1:8500"
TIMEOUT_SECONDS = 4.0


def main() -> int:
    """Returns 0 when the server is serving; otherwise 1, and prints one line with the reason.

    ``HEALTH_ADDRESS`` changes the address that is queried, for example to ``unix:/tmp/grpc.sock``
    if the port accepts only TLS.
    """
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    address = os.environ.get("HEALTH_ADDRESS", ADDRESS)
    try:
        with grpc.insecure_channel(address) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS
            )
    except grpc.RpcError as error:
        print(f"{address}: {error.code().name}", file=sys.stderr)
        return 1
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    print(name)
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main())
