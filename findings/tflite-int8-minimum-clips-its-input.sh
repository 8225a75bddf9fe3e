#!/usr/bin/env bash
# TensorFlow 2.21.0: the TFLite converter's int8 quantization clips a tensor for all who read it, if
# one of the readers is an operator that has to keep its input's scale, such as Minimum (also seen
# with average pooling). The operator's narrower range is laid on its input too: behind min(y, 0), y
# itself has no positive numbers any more. Keras' celu, which adds max(y, 0) to a term of min(y, 0),
# loses its positive half. Without the second reader y is right to one step of its scale.
# Seen on Linux x86_64, for y = 2 x and x from -4 to 4, also in tflite-runtime 2.14.0 and
# ai-edge-litert 2.3.0: "y from -8.0 to 8.0, with min(y, 0) beside it from -8.0 to 0.0".
# No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

NUMBERS = np.linspace(-4, 4, 33, dtype=np.float32)


def doubled(compute):
    """The int8 model's first output."""
    function = tf.function(compute, input_signature=[tf.TensorSpec([33])])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: [[NUMBERS]]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], NUMBERS)
    interpreter.invoke()
    outputs = {output["name"]: output["index"] for output in interpreter.get_output_details()}
    # Their order is the converter's; the names end in the position, ":0" and ":1".
    return interpreter.get_tensor(outputs[min(outputs)])


def both(x):
    y = x * 2.0
    return y, tf.minimum(y, 0.0)


alone = doubled(lambda x: x * 2.0)
beside = doubled(both)
ranges = [f"from {y.min():.1f} to {y.max():.1f}" for y in (alone, beside)]
print(f"y {ranges[0]}, with min(y, 0) beside it {ranges[1]}")
sys.exit(ranges != ["from -8.0 to 8.0", "from -8.0 to 0.0"])
PYTHON
