"""``contract.json``: what every client must know about a model, written in one place."""

import json
from dataclasses import asdict
from typing import Any

from models.spec import ModelSpec, Output

SIGNATURE_TENSORS = "serving_default"
SIGNATURE_ENCODED = "serving_bytes"
SIGNATURE_EXAMPLES = "serving_examples"
# Not a signature, but a function of the SavedModel beside them: serving_default traced for one
# example at a time, of networks with loops.
ONE_EXAMPLE = "one_example"


def contract(spec: ModelSpec, *, version: int | None = None) -> dict[str, Any]:
    """Returns the contract as JSON values; ``version`` is None before the first release."""
    signatures = {"tensors": SIGNATURE_TENSORS, "examples": SIGNATURE_EXAMPLES}
    if spec.encoded_input:
        signatures["encoded"] = SIGNATURE_ENCODED
    return {
        "schema": 1,
        "model": spec.name,
        "title": spec.title,
        "description": spec.description,
        "version": version,
        "inputs": [asdict(tensor) for tensor in spec.inputs],
        "outputs": [_output(output) for output in spec.outputs],
        "labels": list(spec.labels),
        "signatures": signatures,
        "encoded_input": encoded_alias(spec),
        "made_up": spec.made_up,
    }


def _output(output: Output) -> dict[str, Any]:
    # Which feature of the data holds the true answer is nothing to a client.
    return {name: value for name, value in asdict(output).items() if name != "label_key"}


def contract_text(spec: ModelSpec, *, version: int | None = None) -> str:
    """Returns the text of ``contract.json``; ``version`` is as in ``contract``."""
    return json.dumps(contract(spec, version=version), indent=1) + "\n"


def encoded_alias(spec: ModelSpec) -> str | None:
    """Returns the input alias of ``serving_bytes``.

    The suffix ``_bytes`` makes TensorFlow Serving's REST API print and accept bytes as
    ``{"b64": …}`` (tensorflow_serving/util/json_tensor.cc).
    """
    return f"{spec.encoded_input}_bytes" if spec.encoded_input else None
