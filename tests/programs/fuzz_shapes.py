"""Requests to networks: with shapes that are not the signature's, or sound with odd numbers."""

import json
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving.server.dataplane import protos
from tests.serving.shape_models import SIGNATURES, Shape, admitted, wrong_shapes

MODEL = "promises"
PATH = f"/v1/models/{MODEL}:predict"
ODD = (0.0, -0.0, 1e-45, 3e38, -3e38, float("nan"), float("inf"), float("-inf"))
_WRONG = [
    (signature, alias, shape)
    for signature, inputs in SIGNATURES.items()
    for alias, one in inputs.items()
    for shape in wrong_shapes(one.shape)
]
# JSON has no sizes within an empty list, so such a shape may become a sound one.
_WRONG_IN_JSON = {
    (signature, alias, shape)
    for signature, alias, shape in _WRONG
    if 0 not in shape
    or not admitted(SIGNATURES[signature][alias].shape or (), shape[: shape.index(0) + 1])
}


@dataclass(frozen=True)
class Wrong:
    """A request in which one input has another shape than its signature."""

    signature: str
    alias: str
    shape: Shape

    def inputs(self) -> dict[str, np.ndarray]:
        infos = SIGNATURES[self.signature]
        good = {alias: one.good() for alias, one in infos.items()}
        return good | {self.alias: infos[self.alias].array(self.shape)}

    def body(self) -> bytes:
        """Returns it as JSON. Sizes within an empty list are lost."""
        lists = {alias: array.tolist() for alias, array in self.inputs().items()}
        document = {"signature_name": self.signature, "inputs": lists}
        return json.dumps(document, default=lambda value: value.decode()).encode()

    def message(self, chance: random.Random) -> bytes:
        """Returns it as a PredictRequest, with raw bytes or with typed values."""
        return _message(self.signature, self.inputs(), chance)


def wrong(chance: random.Random) -> Wrong:
    """Returns a request that is wrong in JSON too."""
    while True:
        one = chance.choice(_WRONG)
        if one in _WRONG_IN_JSON:
            return Wrong(*one)


def sound(chance: random.Random, rows: int) -> bytes:
    """Returns a PredictRequest with the shapes of its signature, some numbers odd."""
    signature = chance.choice(list(SIGNATURES))
    inputs = {alias: one.good(rows) for alias, one in SIGNATURES[signature].items()}
    for array in inputs.values():
        if array.dtype.kind == "f" and array.size:
            flat = array.reshape(-1)
            for _ in range(chance.randint(0, 5)):
                flat[chance.randrange(flat.size)] = chance.choice(ODD)
    return _message(signature, inputs, chance)


def _message(signature: str, inputs: dict[str, np.ndarray], chance: random.Random) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = signature
    write: Any = protos.to_compact_proto if chance.random() < 0.8 else protos.to_proto
    for alias, array in inputs.items():
        write(array, request.inputs[alias])
    return bytes(request.SerializeToString())
