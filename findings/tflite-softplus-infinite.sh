#!/usr/bin/env bash
# TensorFlow 2.21.0: tf.nn.softplus in a float32 TFLite model is infinite above 88.7, where it
# should answer its input, and 0 below -17, where it should answer exp(x). The converter makes log(1
# + exp(x)) of it, literally; TensorFlow's own kernel has cases for both ends. Whoever divides or
# subtracts afterwards gets NaN. max(x, 0) + log1p(exp(-|x|)) ends finite at the upper end.
# Seen on Linux x86_64 for -17, 1, 88 and 100, also in tflite-runtime 2.14.0 and ai-edge-litert
# 2.3.0: "TensorFlow 4.14e-08 1.31 88 100, TFLite 0 1.31 88 inf". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

NUMBERS = np.array([-17, 1, 88, 100], np.float32)


def lite(compute):
    function = tf.function(compute, input_signature=[tf.TensorSpec([4])])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], NUMBERS)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def short(numbers):
    return " ".join(f"{number:.3g}" for number in numbers)


mended = lite(lambda x: tf.maximum(x, 0.0) + tf.math.log1p(tf.exp(-tf.abs(x))))
assert short(mended[1:]) == "1.31 88 100", mended
right, seen = short(tf.nn.softplus(NUMBERS).numpy()), short(lite(tf.nn.softplus))
print(f"TensorFlow {right}, TFLite {seen}")
sys.exit((right, seen) != ("4.14e-08 1.31 88 100", "0 1.31 88 inf"))
PYTHON
