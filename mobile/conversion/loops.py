"""Loops in a float16 file, whose biases tflite-runtime 2.14 confuses."""

from typing import Any

import numpy as np

from mobile.conversion.model_file import operator_name, schema
from mobile.conversion.model_writer import editable, write


def with_float32_biases(content: bytes) -> bytes:
    """Returns a float16 file whose loops have their biases in float32; the same bytes without any.

    XNNPACK in tflite-runtime 2.14 keeps the float32 values of a float16 constant by the constant's
    number in its graph. The bodies of two loops are two graphs, so the second loop gets the biases
    of the first: half of a Bidirectional(LSTM) answers wrongly. In LiteRT 2.3 it is right.
    """
    model = editable(content)
    bodies = model.subgraphs[1:]
    if not sum(_unpack_vectors(model, body) for body in bodies):
        return content
    return write(model, len(content))


def _unpack_vectors(model: Any, body: Any) -> int:
    """Makes float32 constants of float16 ones of one dimension, and returns their number."""
    tables = schema()
    kept = []
    if body.operators is None:  # the branch of a condition that answers with what it got
        return 0
    for operator in body.operators:
        source = body.tensors[operator.inputs[0]] if len(operator.inputs) else None
        if (
            operator_name(model.operatorCodes[operator.opcodeIndex]) != "DEQUANTIZE"
            or source is None
            or source.type != tables.TensorType.FLOAT16
            or len(source.shape) > 1
            or (data := model.buffers[source.buffer].data) is None
        ):
            kept.append(operator)
            continue
        values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float16).astype(np.float32)
        buffer = tables.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        body.tensors[operator.outputs[0]].buffer = len(model.buffers) - 1
    changed = len(body.operators) - len(kept)
    body.operators = kept
    return changed
