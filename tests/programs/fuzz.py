"""Malformed requests to a real server: HTTP, JSON, gzip, protobuf, HTTP/2, pictures, tf.Examples.

    python -m tests.programs.fuzz --requests 100000
    python -m tests.programs.fuzz --onednn 0

Wrong shapes go to networks with convolutions, a recurrent loop and several inputs. Whether a wrong
shape could end TensorFlow depends on the processor and on oneDNN, so both settings can be tried.
The server must not exit, must not grow, and must report a client's mistake as one: no 5xx.
"""

import argparse
import base64
import gzip
import http.client
import io
import json
import random
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
from PIL import Image
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    predict_pb2,
    regression_pb2,
)

from serving import embedded
from serving.embedded import Address
from tests.programs import fuzz_shapes
from tests.programs.campaigns import concluded
from tests.programs.malformed import Report, mutated
from tests.serving import fixture_models, shape_models
from tests.serving.processes import memory, pid

ALLOWED_STATUS = {200, 400, 404, 413}
ALLOWED_CODES = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE"}
ALLOWED_GROWTH = 48 << 20
GOOD = b'{"instances": [1.0, 2.0]}'
JSON_SEEDS = (
    GOOD,
    b'{"inputs": {"x": [[1.5], [2.5]]}}',
    b'{"signature_name": "regress_x_to_y", "instances": [{"b64": "CgA="}]}',
    b'{"signature_name": "regress_x_to_y", "examples": [{"x": [2.0]}, {"x": {"b64": "YQ=="}}]}',
    b'{"signature_name": "serving_default", "instances": [{"x": [3.0]}]}',
    b'{"context": {"x": 1}, "signature_name": "classify_x_to_y", "examples": [{}]}',
)
MODELS = ("half", "pictures", fuzz_shapes.MODEL)


def write_models(folder: Path, networks: Path | None = None) -> Path:
    """Writes the models: ``pictures`` takes PNG files and tf.Examples. Returns models.config.

    Args:
        folder: for the models.
        networks: the base path of shape_models' model, if it is written already.
    """
    fixture_models.write_half_plus(folder / "half" / "1")
    weights = np.random.default_rng(3).normal(size=(16, 3))
    fixture_models.write_classifier(folder / "pictures" / "1", weights=weights)
    if networks:
        (folder / fuzz_shapes.MODEL).symlink_to(networks)
    else:
        shape_models.write(folder / fuzz_shapes.MODEL / "1")
    models = "".join(f'config {{ name: "{one}" base_path: "{folder / one}" }}' for one in MODELS)
    config = folder / "models.config"
    config.write_text(f"model_config_list {{ {models} }}")
    return config


@contextmanager
def server(config: Path, *, onednn: bool = True) -> Iterator[Address]:
    """Yields a server of the models, in which TensorFlow uses oneDNN or its own kernels."""
    environment = {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn))}
    flag = f"--model_config_file={config}"
    with embedded.running("half", None, flag, environment=environment) as address:
        for model in MODELS:
            embedded.wait_until_ready(address, model)
        yield address


def run(address: Address, requests: int, *, seed: int = 1) -> Report:
    """Sends this many requests, most of them malformed, and returns the report."""
    report = Report()
    chance = random.Random(seed)
    rest = http.client.HTTPConnection(address.host, address.rest_port, timeout=60)
    before = pid(address)
    kinds: list[tuple[int, Callable[[], None]]] = []
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
        kinds = [
            (40, lambda: _json(rest, report, chance)),
            (14, lambda: _gzip(rest, report, chance)),
            (14, lambda: _http(address, report, chance)),
            (18, lambda: _protobuf(channel, report, chance)),
            (12, lambda: _shape(rest, channel, report, chance)),
            (6, lambda: _network(channel, report, chance)),
            (1, lambda: _http2(address, report, chance)),
            (9, lambda: _picture(rest, report, chance)),
            (4, lambda: _example(rest, report, chance)),
        ]
        weights = [weight for weight, _ in kinds]
        for number in range(requests):
            if number in (requests // 5, requests // 2):
                report.memory.append(memory(address))
            chance.choices(kinds, weights)[0][1]()
            if len(report.problems) > 20:
                break
    report.memory.append(memory(address))
    if pid(address) != before:
        report.problems.append("the server is another process than before")
    _post(rest, report, "sound", "/v1/models/half:predict", GOOD, {})
    rest.close()
    growth = report.memory[-1] - report.memory[0]
    if growth > ALLOWED_GROWTH:
        report.problems.append(f"memory grew by {growth >> 20} MB")
    return report


def _post(
    rest: http.client.HTTPConnection,
    report: Report,
    kind: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    rest.request("POST", path, body, headers)
    response = rest.getresponse()
    content = response.read()
    sound = kind != "sound" or content == b'{"predictions":[2.5,3.0]}'
    allowed = response.status in ALLOWED_STATUS and sound
    report.judge(kind, str(response.status), allowed, (path, body, content))


def _verb(chance: random.Random) -> str:
    return "/v1/models/half:" + chance.choice(["predict", "predict", "regress", "classify"])


def _json(rest: http.client.HTTPConnection, report: Report, chance: random.Random) -> None:
    body = mutated(chance.choice(JSON_SEEDS), chance)
    _post(rest, report, "JSON", _verb(chance), body, {})


def _gzip(rest: http.client.HTTPConnection, report: Report, chance: random.Random) -> None:
    body = gzip.compress(chance.choice(JSON_SEEDS), chance.randint(0, 9))
    if chance.random() < 0.02:
        body = gzip.compress(b" " * (70 << 20), 1)  # unpacks to more than is allowed
    elif chance.random() < 0.8:
        body = mutated(body, chance)
    else:
        body = gzip.compress(mutated(chance.choice(JSON_SEEDS), chance))
    _post(rest, report, "gzip", _verb(chance), body, {"Content-Encoding": "gzip"})


def _http(address: Address, report: Report, chance: random.Random) -> None:
    body = chance.choice(JSON_SEEDS)
    request = (
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        b"Accept: */*\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    sent = mutated(request, chance)
    answer = _talk(address.rest_port, address.host, sent)
    status = answer.split(b" ")[1].decode("latin-1") if b" " in answer else "no answer"
    # A request that was cut short has no answer.
    report.judge("HTTP", status, status == "no answer" or status[:1] in "1234", (sent, answer))


def _http2(address: Address, report: Report, chance: random.Random) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    headers = b"\x00\x00\x08\x01\x05\x00\x00\x00\x01" + chance.randbytes(8)
    sent = mutated(preface + settings + headers, chance)
    _talk(address.grpc_port, address.host, sent)
    report.judge("HTTP/2", "no answer", True, sent)


def _talk(port: int, host: str, sent: bytes) -> bytes:
    """Returns everything that a server answers to these bytes until it closes the connection."""
    answer = b""
    with socket.create_connection((host, port), timeout=60) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server closed before it had read everything
    return answer


def _messages() -> list[tuple[str, bytes]]:
    """Returns methods with a valid message for each."""
    example = example_pb2.Example()
    example.features.feature["x"].float_list.value.append(2.0)
    predict = predict_pb2.PredictRequest()
    predict.inputs["x"].dtype = 1
    predict.inputs["x"].tensor_shape.dim.add(size=2)
    predict.inputs["x"].float_val.extend([1.0, 2.0])
    classify, regress = (
        classification_pb2.ClassificationRequest(),
        regression_pb2.RegressionRequest(),
    )
    for request, name in ((classify, "classify_x_to_y"), (regress, "regress_x_to_y")):
        request.input.example_list.examples.append(example)
        request.model_spec.signature_name = name
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    for request in (predict, classify, regress, metadata):
        request.model_spec.name = "half"
    compact = predict_pb2.PredictRequest()
    compact.CopyFrom(predict)
    compact.inputs["x"].ClearField("float_val")
    compact.inputs["x"].tensor_content = np.float32([1.0, 2.0]).tobytes()
    return [
        ("Predict", predict.SerializeToString()),
        ("Predict", compact.SerializeToString()),
        ("Classify", classify.SerializeToString()),
        ("Regress", regress.SerializeToString()),
        ("GetModelMetadata", metadata.SerializeToString()),
    ]


MESSAGES = _messages()


def _protobuf(channel: grpc.Channel, report: Report, chance: random.Random) -> None:
    method, good = chance.choice(MESSAGES)
    sent = mutated(good, chance)
    answer, details = _called(channel, method, sent)
    allowed = answer == "OK" or answer in ALLOWED_CODES
    report.judge("protobuf", answer, allowed, (method, sent, details))


def _encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


PICTURES = [_encoded(kind) for kind in ("PNG", "PNG", "JPEG", "GIF", "BMP")]


def _bytes_request(signature: str, data: bytes) -> bytes:
    return json.dumps(
        {
            "signature_name": signature,
            "instances": [{"b64": base64.b64encode(data).decode()}],
        }
    ).encode()


def _picture(rest: http.client.HTTPConnection, report: Report, chance: random.Random) -> None:
    body = _bytes_request("serving_bytes", mutated(chance.choice(PICTURES), chance))
    _post(rest, report, "picture", "/v1/models/pictures:predict", body, {})


def _example(rest: http.client.HTTPConnection, report: Report, chance: random.Random) -> None:
    example = example_pb2.Example()
    example.features.feature["image"].bytes_list.value.append(PICTURES[0])
    body = _bytes_request("serving_examples", mutated(example.SerializeToString(), chance))
    _post(rest, report, "tf.Example", "/v1/models/pictures:predict", body, {})


def _shape(
    rest: http.client.HTTPConnection, channel: grpc.Channel, report: Report, chance: random.Random
) -> None:
    """Sends an input whose shape is not the signature's: always refused."""
    wrong = fuzz_shapes.wrong(chance)
    if chance.random() < 0.3:
        rest.request("POST", fuzz_shapes.PATH, wrong.body())
        response = rest.getresponse()
        content = response.read()
        report.judge("shape", str(response.status), response.status == 400, (wrong, content))
        return
    answer, details = _called(channel, "Predict", wrong.message(chance))
    report.judge("shape", answer, answer == "INVALID_ARGUMENT", (wrong, details))


def _network(channel: grpc.Channel, report: Report, chance: random.Random) -> None:
    """Sends a sound request with odd numbers, which is answered; or a malformed one.

    A graph may refuse a batch without rows: with oneDNN, several convolutions do.
    """
    rows = chance.randint(0, 4)
    sent = fuzz_shapes.sound(chance, rows)
    broken = chance.random() < 0.5
    answer, details = _called(channel, "Predict", mutated(sent, chance) if broken else sent)
    allowed = answer == "OK" or ((broken or not rows) and answer in ALLOWED_CODES)
    report.judge("network", answer, allowed, (sent[:300], details))


def _called(channel: grpc.Channel, method: str, sent: bytes) -> tuple[str, object]:
    """Returns the code and the details of a gRPC call."""
    try:
        channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")(sent, timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def main() -> int:
    """Returns 0 if there was no problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--onednn", type=int, choices=(0, 1), default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fanout-fuzz-") as folder:
        config = write_models(Path(folder))
        with server(config, onednn=bool(given.onednn)) as address:
            return concluded(run(address, given.requests, seed=given.seed))


if __name__ == "__main__":
    sys.exit(main())
