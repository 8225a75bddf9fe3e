#!/usr/bin/env bash
# TensorFlow 2.21.0: the TFLite converter drops relu, relu6 and max(…, 0) behind a product of two
# matrices that are both computed. The product becomes BATCH_MATMUL, which has no fused activation,
# and the activation is gone from the model: relu answers negative numbers. With a constant matrix
# on the right the product becomes FULLY_CONNECTED, which has one, and in three dimensions RELU
# stays: both are right. leaky_relu stays too. tf.einsum("ij,jk->ik") meets the same.
# Seen on Linux x86_64, also with TensorFlow 2.19.0 and in tflite-runtime 2.14.0 and
# ai-edge-litert 2.3.0, for [[1, -2], [3, 4]] times the identity:
# "computed 1 -2 3 4, constant 1 0 3 4, 3-D 1 0 3 4". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

MATRIX = np.array([[1, -2], [3, 4]], np.float32)
IDENTITY = np.eye(2, dtype=np.float32)


def converted(compute, *inputs):
    signature = [tf.TensorSpec(given.shape) for given in inputs]
    function = tf.function(compute, input_signature=signature)
    model = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    ).convert()
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for details, given in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], given)
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return " ".join(f"{number:g}" for number in answer.ravel())


def product(x, y):
    return tf.nn.relu(x @ y)


seen = {
    "computed": converted(product, MATRIX, IDENTITY),
    "constant": converted(lambda x: product(x, IDENTITY), MATRIX),
    "3-D": converted(product, np.stack([MATRIX]), np.stack([IDENTITY])),
}
print(", ".join(f"{name} {answer}" for name, answer in seen.items()))
expected = {"computed": "1 -2 3 4", "constant": "1 0 3 4", "3-D": "1 0 3 4"}
sys.exit(seen != expected)
PYTHON
