"""Requests that break the promise of a signature, to models of one's own.

    python -m tests.programs.promises fashion=build/fashion/releases/current/serving/fashion …

Each argument is the name of a model and a folder of versions. For every signature that the server
describes, inputs of every wrong rank, size and dtype are sent over REST and gRPC, until each model
has got as many as asked for. Each must be refused, with the right status and with the input's name,
and the server's process must stay the same.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf import any_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import embedded
from serving.embedded import Address
from serving.server.dataplane import protos, saved_model
from serving.server.dataplane.tensors import DT_STRING, Signature, TensorInfo, numpy_type
from tests.programs.campaigns import concluded
from tests.serving.processes import pid
from tests.serving.shape_models import ROWS, wrong_shapes

SECONDS = 120
# The largest input that is sent: the sizes are what matters.
MAX_ELEMENTS = 1 << 20
DTYPES = (np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_, np.object_)


@dataclass
class Report:
    """The observations of a run.

    Attributes:
        refused: how many requests were refused, by model and transport.
        problems: what was answered otherwise, in words.
    """

    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{'model and transport':<32}{'refused':>10}"]
        lines += [f"{name:<32}{count:>10,}" for name, count in sorted(self.refused.items())]
        return "\n".join(lines)


@dataclass(frozen=True)
class Broken:
    """A request with one wrong input.

    Attributes:
        words: that the refusal must have.
        in_json: whether it is as wrong in JSON, which has neither dtypes nor sizes of empty lists.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    words: str
    in_json: bool


def array(dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an array of ones, or of texts."""
    return np.full(shape, b"1", object) if dtype is np.object_ else np.ones(shape, dtype)


def good(info: TensorInfo) -> np.ndarray:
    """Returns an array that an input admits."""
    kind = np.object_ if info.dtype == DT_STRING else numpy_type(info.dtype)
    shape = (1,) if info.shape is None else info.shape
    return array(kind, tuple(ROWS if size == -1 else size for size in shape))


def broken(signature: Signature) -> Iterator[Broken]:
    """Yields a request for each way in which one input can be wrong."""
    sound = {alias: good(info) for alias, info in signature.inputs.items()}
    # As in TensorFlow Serving, half floats have no form in JSON.
    has_json = all(values.dtype != np.float16 for values in sound.values())
    for alias, info in signature.inputs.items():
        kind = np.object_ if info.dtype == DT_STRING else sound[alias].dtype.type
        for shape in wrong_shapes(info.shape):
            if np.prod(shape) <= MAX_ELEMENTS:
                changed = array(kind, shape)
                words = f"{alias} has shape [{','.join(map(str, shape))}], expected"
                yield Broken(
                    signature.name, sound | {alias: changed}, words, has_json and 0 not in shape
                )
        for dtype in DTYPES:
            if np.dtype(dtype) != sound[alias].dtype:
                changed = array(dtype, sound[alias].shape)
                yield Broken(signature.name, sound | {alias: changed}, f"{alias} has type", False)


def described(stub: Any, model: str) -> list[Signature]:
    """Returns the signatures that a server describes, those that take tensors of known ranks."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    packed: any_pb2.Any = stub.GetModelMetadata(request, SECONDS).metadata["signature_def"]
    found = get_model_metadata_pb2.SignatureDefMap()
    packed.Unpack(found)
    return [
        Signature(
            name,
            definition.method_name,
            saved_model.tensors(definition.inputs),
            saved_model.tensors(definition.outputs),
        )
        for name, definition in sorted(found.signature_def.items())
    ]


def message(model: str, one: Broken, chance: random.Random) -> Any:
    """Returns a PredictRequest, with raw bytes or with typed values."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, one.signature
    write: Any = protos.to_compact_proto if chance.random() < 0.7 else protos.to_proto
    for alias, values in one.inputs.items():
        write(values, request.inputs[alias])
    return request


def body(one: Broken) -> bytes:
    """Returns a request as JSON."""
    lists = {alias: values.tolist() for alias, values in one.inputs.items()}
    document = {"signature_name": one.signature, "inputs": lists}
    return json.dumps(document, default=lambda value: value.decode()).encode()


def run(models: dict[str, Path], count: int, *, onednn: bool, seed: int = 1) -> Report:
    """Returns the report of a run against a new server of these models."""
    chance, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory(prefix="fanout-promises-") as folder:
        config = Path(folder) / "models.config"
        entries = "".join(
            f'config {{ name: "{name}" base_path: "{path.resolve()}" }}'
            for name, path in models.items()
        )
        config.write_text(f"model_config_list {{ {entries} }}")
        environment = {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn))}
        flag = f"--model_config_file={config}"
        first = next(iter(models))
        with embedded.running(first, None, flag, environment=environment) as address:
            process = pid(address)
            with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
                stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                for name in models:
                    break_promises(address, stub, name, count, chance, report)
            if pid(address) != process:
                report.problems.append("the server's process ended")
    return report


def break_promises(
    address: Address, stub: Any, name: str, count: int, chance: random.Random, report: Report
) -> None:
    """Sends so many wrong requests to a model, half of them over REST."""
    ways = [one for signature in described(stub, name) for one in broken(signature)]
    in_json = [one for one in ways if one.in_json]
    with closing(
        http.client.HTTPConnection(address.host, address.rest_port, timeout=SECONDS)
    ) as connection:
        for number in range(count // 2):
            over_rest(connection, name, in_json[number % len(in_json)], report)
            over_grpc(stub, name, ways[number % len(ways)], chance, report)


def over_rest(connection: Any, name: str, one: Broken, report: Report) -> None:
    """Sends one request over REST."""
    connection.request("POST", f"/v1/models/{name}:predict", body(one))
    response = connection.getresponse()
    text = json.loads(response.read()).get("error", "")
    is_right = response.status == HTTPStatus.BAD_REQUEST and one.words in text
    note(report, f"{name} REST", one, is_right, text)


def over_grpc(stub: Any, name: str, one: Broken, chance: random.Random, report: Report) -> None:
    """Sends one request over gRPC."""
    is_right, text = False, "an answer"
    try:
        stub.Predict(message(name, one, chance), SECONDS)
    except grpc.RpcError as error:
        text = error.details()
        is_right = error.code() is grpc.StatusCode.INVALID_ARGUMENT and one.words in text
    note(report, f"{name} gRPC", one, is_right, text)


def note(report: Report, name: str, one: Broken, is_right: bool, text: str) -> None:
    """Counts a refusal, or notes what was answered instead."""
    if is_right:
        report.refused[name] += 1
    elif len(report.problems) < 20:
        report.problems.append(
            f"{name} {one.signature}: expected {one.words!r}, got {text[:200]!r}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.programs.promises")
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--count", type=int, default=10_000, help="requests to each model")
    parser.add_argument("--onednn", type=int, choices=(0, 1), default=1)
    options = parser.parse_args()
    pairs = [one.partition("=") for one in options.models]
    models = {name: Path(folder) for name, _, folder in pairs}
    return concluded(run(models, options.count, onednn=bool(options.onednn)))


if __name__ == "__main__":
    sys.exit(main())
