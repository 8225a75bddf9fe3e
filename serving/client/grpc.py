"""The client's gRPC transport, which uses the stubs of tensorflow-serving-api."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np

from core.errors import UserError
from serving.client.transport import (
    API_KEY_HEADER,
    INIT_OP_SIGNATURE,
    Array,
    ClientSignature,
    Connection,
    ModelRef,
    RequestFailed,
    Signatures,
)
from serving.server.dataplane import protos
from serving.server.dataplane.runtime import tensorflow

TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


class GrpcTransport:
    """Speaks HTTP/2, encrypted if the connection has TLS settings."""

    def __init__(self, connection: Connection, model: ModelRef) -> None:
        tensorflow()  # the messages import it; importing it this way takes half the time
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self._channel = _open(connection)
        key = connection.api_key
        self._metadata = ((API_KEY_HEADER, key),) if key else ()
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model_service = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._model = model
        self._timeout = connection.timeout

    def predict(
        self, signature: str, inputs: Mapping[str, Array], types: ClientSignature
    ) -> dict[str, Array]:
        from tensorflow_serving.apis import predict_pb2

        del types  # the response states its own
        request = predict_pb2.PredictRequest()
        self._name(request.model_spec)
        request.model_spec.signature_name = signature
        for alias, array in inputs.items():
            _fill(request.inputs[alias], array)
        response = self._call(self._prediction.Predict, request)
        return {alias: protos.to_array(proto) for alias, proto in response.outputs.items()}

    def status(self) -> dict[int, str]:
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        self._name(request.model_spec)
        response = self._call(self._model_service.GetModelStatus, request)
        names = get_model_status_pb2.ModelVersionStatus.State
        return {
            int(entry.version): str(names.Name(entry.state))
            for entry in response.model_version_status
        }

    def signatures(self) -> Signatures:
        from tensorflow_serving.apis import get_model_metadata_pb2

        as_dtype = tensorflow().dtypes.as_dtype

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name(request.model_spec)
        response = self._call(self._prediction.GetModelMetadata, request)
        signature_map = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signature_map)

        def types(tensors: Any) -> dict[str, np.dtype[Any]]:
            return {
                alias: np.dtype(as_dtype(info.dtype).as_numpy_dtype)
                for alias, info in tensors.items()
            }

        return {
            name: ClientSignature(types(entry.inputs), types(entry.outputs))
            for name, entry in signature_map.signature_def.items()
            if name != INIT_OP_SIGNATURE
        }

    def close(self) -> None:
        self._channel.close()

    def _name(self, spec: Any) -> None:
        spec.name = self._model.name
        if self._model.version is not None:
            spec.version.value = self._model.version
        elif self._model.label is not None:
            spec.version_label = self._model.label

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            raise RequestFailed(f"{code.name}: {details}", transient=code in TRANSIENT) from error


def _open(connection: Connection) -> grpc.Channel:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    tls = connection.tls
    if tls is None:
        return grpc.insecure_channel(connection.address, options)
    try:
        authority, key, certificate = (
            path.read_bytes() if path else None
            for path in (tls.authority, tls.key, tls.certificate)
        )
    except OSError as error:
        raise UserError(f"the TLS files {tls} cannot be used: {error}") from error
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    return grpc.secure_channel(connection.address, credentials, options)


def _fill(proto: Any, array: Array) -> None:
    if array.dtype.kind in "OSU":
        values = np.array(
            [text.encode() if isinstance(text, str) else text for text in array.ravel()], object
        )
        protos.to_proto(values.reshape(array.shape), proto)
        return
    protos.to_compact_proto(array, proto)
