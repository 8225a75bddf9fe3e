"""A server of ``half`` and ``pictures``, and requests to it over REST and as messages."""

import base64
import contextlib
import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorflow_serving.apis import predict_pb2

from serving import embedded
from serving.embedded import Address

KEY, SECOND = "a-key-of-the-tests-1", "a-key-of-the-tests-2"
ADMIN = "a-key-of-the-operator"
PREDICT = "/v1/models/half:predict"
PICTURES = "/v1/models/pictures:predict"
METRICS = "/monitoring/prometheus/metrics"
BODY = b'{"instances": [1.0]}'


@contextlib.contextmanager
def serving(
    folder: Path, half: Path, classifier: Path, *, keys: str, of_half: str = "", **options: Any
) -> Iterator[Address]:
    """Yields the address of a server with metrics and API keys.

    Args:
        folder: for its files.
        half: the base path of ``half``.
        classifier: a version of ``pictures``.
        keys: the content of the key file.
        of_half: what else models.config says of ``half``.
        options: flags of the server.
    """
    (folder / "keys").write_text(keys)
    (folder / "admin_keys").write_text(ADMIN)
    (folder / "monitoring").write_text("prometheus_config { enable: true }")
    pictures = folder / "pictures"
    pictures.mkdir()
    (pictures / "1").symlink_to(classifier)
    (folder / "models").write_text(
        f"""model_config_list {{
          config {{ name: "half" base_path: "{half}" {of_half} }}
          config {{ name: "pictures" base_path: "{pictures}" }}
        }}"""
    )
    files = {
        "model_config_file": folder / "models",
        "monitoring_config_file": folder / "monitoring",
        "api_key_file": folder / "keys",
        "admin_api_key_file": folder / "admin_keys",
    }
    flags = [f"--{name}={value}" for name, value in {**files, **options}.items()]
    with embedded.running("half", None, *flags) as address:
        yield address


def ask(
    address: Address, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=120)
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
