"""A client of the model server over REST and gRPC."""

from serving.client.client import Client
from serving.client.transport import RequestFailed, Tls

__all__ = ["Client", "RequestFailed", "Tls"]
