"""The gRPC service that reports the states of models and changes which models are served."""

import asyncio
from typing import Any

from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from serving.server.dataplane import model_config, protos
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.versions import Models
from serving.server.grpc.handlers import Method
from serving.server.grpc.services import spec_of


class ModelService:
    """tensorflow.serving.ModelService."""

    NAME = "tensorflow.serving.ModelService"

    def __init__(self, models: Models, manager: Manager) -> None:
        self._models = models
        self._manager = manager

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        status, reload = get_model_status_pb2, model_management_pb2
        return {
            "GetModelStatus": Method(status.GetModelStatusRequest, work=self._status),
            "HandleReloadConfigRequest": Method(reload.ReloadConfigRequest, work=self._reload),
        }

    async def _status(self, request: Any, _: Any) -> Any:
        return protos.status_response(self._models.status(*spec_of(request)))

    async def _reload(self, request: Any, _: Any) -> Any:
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        configs = model_config.from_proto(request.config)
        # Loading takes a while; the event loop keeps answering requests.
        await asyncio.to_thread(self._manager.configure, configs)
        return model_management_pb2.ReloadConfigResponse()
