"""Requests to the models ``half`` and ``pictures`` of the tests, over REST and as messages."""

import base64
import http.client
import io
import json
from typing import Any

import numpy as np
from PIL import Image
from tensorflow_serving.apis import predict_pb2

from serving.embedded import Address

KEY, SECOND = "a-key-of-the-tests-1", "a-key-of-the-tests-2"
PREDICT = "/v1/models/half:predict"
PICTURES = "/v1/models/pictures:predict"
METRICS = "/monitoring/prometheus/metrics"
BODY = b'{"instances": [1.0]}'


def ask(
    address: Address, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.headers), content


def picture(kind: str, side: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def instances(data: bytes, signature: str = "serving_bytes") -> bytes:
    encoded = base64.b64encode(data).decode()
    return json.dumps({"signature_name": signature, "instances": [{"b64": encoded}]}).encode()


def tensor_request(rows: int, model: str = "half") -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["x"].dtype = 1
    for size in (rows, 1):
        request.inputs["x"].tensor_shape.dim.add(size=size)
    request.inputs["x"].tensor_content = np.ones(rows, np.float32).tobytes()
    return request
