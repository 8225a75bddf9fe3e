#!/usr/bin/env bash
# tflite-runtime 2.14.0 with XNNPACK, its default delegate: in a float16 model of two loops, the
# second loop computes with the first one's bias. Keras' Bidirectional(LSTM), traced at batch 1 and
# converted with supported_types float16, becomes two WHILE; its backward half is what the layer
# answers with the forward half's bias in both. A new layer, whose biases are equal, shows nothing.
# Without the delegate (BUILTIN_WITHOUT_DEFAULT_DELEGATES), with float32 weights, with unroll=True
# and in ai-edge-litert 2.3.0 it is right.
# Seen on Linux x86_64, converted by TensorFlow 2.21.0 and Keras 3.15.1, largest difference from
# Keras: "ai-edge-litert 0.000, tflite-runtime without XNNPACK 0.000, tflite-runtime 0.214,
# from Keras with one bias 0.000". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv converter
python3.11 -m venv runtime
converter/bin/pip install --quiet "tensorflow-cpu==2.21.0" "keras==3.15.1"
runtime/bin/pip install --quiet "tflite-runtime==2.14.0" "ai-edge-litert==2.3.0" "numpy==1.26.4"
cat > convert.py <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

random = np.random.default_rng(7)
pair = keras.layers.Bidirectional(keras.layers.LSTM(4))
model = keras.Sequential([keras.Input((3, 2)), pair])
for layer in (pair.forward_layer, pair.backward_layer):
    layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])
archive = keras.export.ExportArchive()
archive.track(model)
archive.add_endpoint("serve", model.call, [tf.TensorSpec([1, 3, 2])])
archive.write_out("saved", verbose=False)
converter = tf.lite.TFLiteConverter.from_saved_model("saved")
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.target_spec.supported_types = [tf.float16]
with open("model.tflite", "wb") as file:
    file.write(converter.convert())
x = random.normal(size=(1, 3, 2)).astype(np.float32)
right = model(x)
kernel, recurrent, _ = pair.backward_layer.get_weights()
pair.backward_layer.set_weights([kernel, recurrent, pair.forward_layer.get_weights()[2]])
np.savez("answers.npz", x=x, right=right, one_bias=model(x))
PYTHON
cat > run.py <<'PYTHON'
import sys

import ai_edge_litert.interpreter as litert
import numpy as np
import tflite_runtime.interpreter as old

answers = np.load("answers.npz")
plain = old.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def answer(interpreter):
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], answers["x"])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def distance(numbers, name="right"):
    return float(np.abs(numbers - answers[name]).max())


new = distance(answer(litert.Interpreter("model.tflite")))
without = distance(answer(old.Interpreter("model.tflite", experimental_op_resolver_type=plain)))
wrong = answer(old.Interpreter("model.tflite"))
print(
    f"ai-edge-litert {new:.3f}, tflite-runtime without XNNPACK {without:.3f}, "
    f"tflite-runtime {distance(wrong):.3f}, "
    f"from Keras with one bias {distance(wrong, 'one_bias'):.3f}"
)
# Half precision costs about 1e-4.
fine = max(new, without, distance(wrong, "one_bias")) < 0.002
sys.exit(not (fine and distance(wrong) > 0.1))
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 converter/bin/python convert.py
runtime/bin/python run.py
