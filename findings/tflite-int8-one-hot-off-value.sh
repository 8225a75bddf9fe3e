#!/usr/bin/env bash
# TensorFlow 2.21.0: the TFLite converter's int8 quantization makes the zeros of a one-hot vector
# 0.502. OneHot's off value keeps a scale and a zero point of its own, (3.9e-09, 0), so its raw byte
# is 0, while the output has (0.0039, -128), where the byte 0 is 0.502. The kernel copies the byte.
# A small classifier of categories agreed with its float model for a third of the examples only.
# Rows of an identity matrix, by tf.gather, are right.
# Seen on Linux x86_64 for the category 1 of 3, also in tflite-runtime 2.14.0 and
# ai-edge-litert 2.3.0: "one_hot 0.502 1.000 0.502, gather 0.000 1.000 0.000". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

CATEGORIES = [np.array([category], np.int32) for category in range(3)]


def quantized(encode):
    """The int8 model's answer to the category 1."""
    function = tf.function(encode, input_signature=[tf.TensorSpec([1], tf.int32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([category] for category in CATEGORIES)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], CATEGORIES[1])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


one_hot = quantized(lambda category: tf.one_hot(category, 3))
gathered = quantized(lambda category: tf.gather(tf.eye(3), category))
seen = [" ".join(f"{number:.3f}" for number in row) for row in (one_hot, gathered)]
print(f"one_hot {seen[0]}, gather {seen[1]}")
sys.exit(seen != ["0.502 1.000 0.502", "0.000 1.000 0.000"])
PYTHON
