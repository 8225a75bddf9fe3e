"""Export of a Keras model or a tf.Module as one SavedModel with all its signatures.

What ``tf.saved_model.save`` writes for a Keras 3 model converts to TensorFlow Lite without an
error and without its weights. ``keras.export.ExportArchive`` writes each weight twice, as the Keras
variable and as the TensorFlow variable inside it, in an order that differs between processes. This
module therefore saves a tf.Module that holds each TensorFlow variable once.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from models.contract import (
    ONE_EXAMPLE,
    SIGNATURE_ENCODED,
    SIGNATURE_EXAMPLES,
    SIGNATURE_TENSORS,
    encoded_alias,
)
from models.spec import ModelSpec
from models.tracing import OTHER_FLOATS, loops_of, portable


def export(model: Any, spec: ModelSpec, saved_model: Path) -> None:
    """Writes the SavedModel with its signatures, from a Keras model or a tf.Module.

    ``serving_default`` takes raw tensors, ``serving_examples`` serialized tf.Examples, and, for
    models with pictures, ``serving_bytes`` encoded ones. All of them give the same answers: all of
    the spec's outputs, computed in float32 whatever the network's policy says, and without loops
    where its recurrent layers are short (models/tracing.py).

    Raises:
        UserError: the model answers with other outputs than the spec says.
    """
    import keras
    import tensorflow as tf

    features = spec.module("features")

    # A tf.Module has no training mode.
    mode = {"training": False} if isinstance(model, keras.layers.Layer) else {}

    def predict(inputs: dict[str, Any]) -> dict[str, Any]:
        return named(model(inputs, **mode), spec)

    def from_tensors(*tensors: Any) -> dict[str, Any]:
        return predict(
            {spec.name: tensor for spec, tensor in zip(spec.inputs, tensors, strict=True)}
        )

    def from_examples(examples: Any) -> dict[str, Any]:
        # A client's request has no label.
        wanted = {k: v for k, v in features.FEATURES.items() if k not in spec.answers}
        return predict(features.raw_inputs(tf.io.parse_example(examples, wanted)))

    def from_encoded(encoded: Any) -> dict[str, Any]:
        return predict(features.raw_inputs({spec.encoded_input: encoded}))

    with portable(model):
        signatures = {
            SIGNATURE_TENSORS: _traced(from_tensors, _tensor_signature(spec)),
            SIGNATURE_EXAMPLES: _traced(from_examples, [_strings("examples")]),
        }
        if spec.encoded_input:
            signatures[SIGNATURE_ENCODED] = _traced(from_encoded, [_strings(encoded_alias(spec))])
        held = _holder(model, signatures.values())
        if loops_of(signatures[SIGNATURE_TENSORS]):
            # TensorFlow Lite cannot convert the loop of an open batch (tensor lists of no shape).
            setattr(held, ONE_EXAMPLE, _traced(from_tensors, _tensor_signature(spec, batch=1)))
    tf.saved_model.save(held, str(saved_model), signatures)
    _settle_identifier(saved_model)


def named(answer: Any, spec: ModelSpec) -> dict[str, Any]:
    """Returns the network's answer by the names of the spec's outputs.

    Raises:
        UserError: it has other outputs.
    """
    import tensorflow as tf

    names = [tensor.name for tensor in spec.outputs]
    if isinstance(answer, Mapping):
        given, got = dict(answer), f"{sorted(answer)}"
    else:
        values = answer if isinstance(answer, list | tuple) else [answer]
        fits = len(values) == len(names)
        given, got = dict(zip(names, values, strict=True)) if fits else {}, f"{len(values)} unnamed"
    if not given.keys() >= set(names):
        raise UserError(
            f"the network of {spec.name!r} must answer with the outputs of its spec, {names}: with "
            f"a dict by these names, or with a list in this order; got {got}"
        )
    # Where half precision comes from an operation, not from a layer.
    return {
        name: tf.cast(given[name], tf.float32)
        if given[name].dtype.name in OTHER_FLOATS
        else given[name]
        for name in names
    }


def _traced(function: Callable[..., Any], signature: list[Any]) -> Any:
    import tensorflow as tf

    traced = tf.function(function, input_signature=signature, autograph=False)
    return traced.get_concrete_function()


def _holder(model: Any, signatures: Iterable[Any]) -> Any:
    """Returns a module with the model's variables and lookup tables that the signatures use."""
    import tensorflow as tf
    from tensorflow.python.trackable.resource import CapturableResource

    variables: dict[int, Any] = {}
    for signature in signatures:
        by_handle = {id(variable.handle): variable for variable in signature.variables}
        # A signature's variables have no fixed order; its captured inputs have the trace's order.
        used = (id(captured) for captured in signature.captured_inputs)
        variables |= {handle: by_handle[handle] for handle in used if handle in by_handle}
    held = tf.Module()
    held.weights = list(variables.values())
    held.tables = [
        part
        for part in tf.train.TrackableView(model).descendants()
        # Also what fills the tables of TensorFlow 1, which are nodes of its graphs.
        if isinstance(part, CapturableResource)
    ]
    return held


def _settle_identifier(saved_model: Path) -> None:
    """Derives a SavedModel's identifier from its other digests; TensorFlow uses a random number."""
    from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef

    file = saved_model / "fingerprint.pb"
    fingerprint = FingerprintDef.FromString(file.read_bytes())
    fingerprint.ClearField("uuid")
    digest = hashlib.sha256(fingerprint.SerializeToString(deterministic=True)).digest()
    fingerprint.uuid = str(int.from_bytes(digest[:16], "big"))  # in decimal, like TensorFlow's
    file.write_bytes(fingerprint.SerializeToString(deterministic=True))


def _tensor_signature(spec: ModelSpec, batch: int | None = None) -> list[Any]:
    import tensorflow as tf

    return [
        tf.TensorSpec((batch, *tensor.shape), tensor.dtype, name=tensor.name)
        for tensor in spec.inputs
    ]


def _strings(name: str | None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec([None], tf.string, name=name)
