#!/usr/bin/env bash
# @tensorflow/tfjs-converter 4.22.0: a graph model's Conv2DBackpropInput, which Keras'
# Conv2DTranspose becomes, ignores its attribute dilations: the executor does not read it, and
# tf.conv2dTranspose has no such argument. The tensorflowjs converter lets such a model pass. A
# kernel that was spread with zeros beforehand, instead of dilations, gives the right answer.
# Seen with Node.js 20 on Linux x86_64, for a one in the middle of 3x3 zeros and a 3x3 kernel of
# ones with dilations of 2 and "SAME": "graph model 1,1,1 1,1,1 1,1,1, spread kernel 0,0,0 0,1,0
# 0,0,0". TensorFlow 2.21.0 answers the latter for dilations. No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-converter@4.22.0" "@tensorflow/tfjs-backend-cpu@4.22.0"
cat > transpose.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";

const float = { type: "DT_FLOAT" };
const int = { type: "DT_INT32" };
const dim = [1, 3, 3, 1].map((size) => ({ size: String(size) }));

async function answer(kernel, rate) {
  const size = kernel.shape[0];
  const weight = (name, dtype) => ({
    name,
    op: "Const",
    attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: {} } } },
  });
  const node = [
    { name: "x", op: "Placeholder", attr: { dtype: float, shape: { shape: { dim } } } },
    weight("kernel", "DT_FLOAT"),
    weight("sizes", "DT_INT32"),
    {
      name: "transpose",
      op: "Conv2DBackpropInput",
      input: ["sizes", "kernel", "x"],
      attr: {
        T: float,
        strides: { list: { i: ["1", "1", "1", "1"] } },
        dilations: { list: { i: ["1", String(rate), String(rate), "1"] } },
        padding: { s: Buffer.from("SAME").toString("base64") },
        data_format: { s: Buffer.from("NHWC").toString("base64") },
        explicit_paddings: { list: {} },
      },
    },
  ];
  const model = await loadGraphModel(
    tf.io.fromMemory({
      modelTopology: { node, versions: { producer: 1882 } },
      weightSpecs: [
        { name: "kernel", dtype: "float32", shape: [size, size, 1, 1] },
        { name: "sizes", dtype: "int32", shape: [4] },
      ],
      weightData: [kernel.dataSync().slice().buffer, new Int32Array([1, 3, 3, 1]).buffer],
    }),
  );
  const middle = tf.tensor4d([0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 3, 3, 1]);
  return tf.reshape(model.predict(middle), [3, 3]).arraySync().join(" ");
}

const spread = tf.buffer([5, 5, 1, 1]);
for (const row of [0, 2, 4]) for (const column of [0, 2, 4]) spread.set(1, row, column, 0, 0);
const dilated = await answer(tf.ones([3, 3, 1, 1]), 2);
const right = await answer(spread.toTensor(), 1);
console.log(`graph model ${dilated}, spread kernel ${right}`);
process.exit(dilated === "1,1,1 1,1,1 1,1,1" && right === "0,0,0 0,1,0 0,0,0" ? 0 : 1);
JS
node transpose.mjs
