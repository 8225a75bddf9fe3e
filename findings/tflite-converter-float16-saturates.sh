#!/usr/bin/env bash
# TensorFlow 2.21.0: with float16 weights, the TFLite converter writes 65504, float16's largest
# number, for every weight that is larger, and raises no error. It also folds what follows a dense
# layer into its weights: a network that ends with Dense and Rescaling(100000), so that it answers
# in dollars, has no weight above 1, and its file answers 65504 where the network says 100000.
# Seen on Linux x86_64, and the same file in tflite-runtime 2.14.0 and ai-edge-litert 2.3.0:
# "float32 100000, float16 65504".
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

module = tf.Module()
module.weight = tf.Variable([[1.0]])


@tf.function(input_signature=[tf.TensorSpec([1, 1])])
def network(x):
    return tf.matmul(x, module.weight) * 100_000


def answer(types):
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [network.get_concrete_function()], module
    )
    if types:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = types
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(
        interpreter.get_input_details()[0]["index"], np.ones((1, 1), np.float32)
    )
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).item()


seen = {"float32": answer([]), "float16": answer([tf.float16])}
print(", ".join(f"{name} {number:g}" for name, number in seen.items()))
sys.exit(seen != {"float32": 100_000, "float16": 65_504})
PYTHON
