"""The gRPC service that reports the states of models and changes which models are served."""

import asyncio
from typing import Any

from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from serving.server.dataplane import model_config, protos
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.versions import Models
from serving.server.grpc.handlers import Method
from serving.server.grpc.specs import spec_of

_NAME = "tensorflow.serving.ModelService"
_RELOAD = "HandleReloadConfigRequest"
RELOAD_PATH = f"/{_NAME}/{_RELOAD}"


class ModelService:
    """tensorflow.serving.ModelService.

    Args:
        models: the loaded models.
        manager: loads and unloads them.
        may_reload: whether a client may change which models are served.
    """

    NAME = _NAME

    def __init__(self, models: Models, manager: Manager, *, may_reload: bool = True) -> None:
        self._models = models
        self._manager = manager
        self._may_reload = may_reload

    def methods(self) -> dict[str, Method]:
        """Returns its methods by name."""
        status, reload = get_model_status_pb2, model_management_pb2
        return {
            "GetModelStatus": Method(status.GetModelStatusRequest, work=self._status),
            _RELOAD: Method(reload.ReloadConfigRequest, work=self._reload),
        }

    async def _status(self, request: Any, _: Any) -> Any:
        return protos.status_response(self._models.status(*spec_of(request)))

    async def _reload(self, request: Any, _: Any) -> Any:
        if not self._may_reload:
            raise ServingError(
                Code.PERMISSION_DENIED, f"{_RELOAD} is switched off (--enable_config_reload=false)"
            )
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        configs = model_config.from_proto(request.config)
        # Loading takes a while; the event loop keeps answering requests.
        await asyncio.to_thread(self._manager.configure, configs)
        return model_management_pb2.ReloadConfigResponse()
