#!/usr/bin/env bash
# @tensorflow/tfjs-core and tfjs-backend-cpu 4.22.0: a cumulative sum along an axis that is counted
# from the end answers an empty tensor of the shape [undefined, 2]: nobody makes the axis positive,
# as tf.sum does. TensorFlow's Cumsum and Cumprod allow it, the tensorflowjs converter passes it on,
# and Keras builds the causal mask of a sequence without a fixed length like this.
# Seen with Node.js 20 on Linux x86_64 for [[1, 2, 3], [4, 5, 6]]: "cumsum -1: [null,2] of 0
# numbers, cumprod -1: [null,2] of 0 numbers, cumsum 1: [2,3] 1,3,6,4,9,15, sum -1: [2] 6,15". No
# error is raised on this backend. Not run on others.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-converter@4.22.0" "@tensorflow/tfjs-backend-cpu@4.22.0"
cat > cumsum.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";

const float = { type: "DT_FLOAT" };
const int = { type: "DT_INT32" };
const shape = { shape: { dim: [{ size: "2" }, { size: "3" }] } };
const constant = { dtype: int, value: { tensor: { dtype: "DT_INT32", tensorShape: {} } } };

async function along(op, axis) {
  const model = await loadGraphModel(
    tf.io.fromMemory({
      modelTopology: {
        node: [
          { name: "x", op: "Placeholder", attr: { dtype: float, shape } },
          { name: "axis", op: "Const", attr: constant },
          {
            name: "result",
            op,
            input: ["x", "axis"],
            attr: { T: float, Tidx: int, exclusive: { b: false }, reverse: { b: false } },
          },
        ],
        versions: { producer: 1882 },
      },
      weightSpecs: [{ name: "axis", dtype: "int32", shape: [] }],
      weightData: new Int32Array([axis]).buffer,
    }),
  );
  const x = tf.tensor2d([[1, 2, 3], [4, 5, 6]]);
  const result = model.predict(x);
  const values = await result.data();
  return `${JSON.stringify(result.shape)} ${values.length ? values.join() : "of 0 numbers"}`;
}

const seen = [];
for (const [op, axis] of [["Cumsum", -1], ["Cumprod", -1], ["Cumsum", 1], ["Sum", -1]]) {
  seen.push(`${op.toLowerCase()} ${axis}: ${await along(op, axis)}`);
}
console.log(seen.join(", "));
const expected = [
  "cumsum -1: [null,2] of 0 numbers",
  "cumprod -1: [null,2] of 0 numbers",
  "cumsum 1: [2,3] 1,3,6,4,9,15",
  "sum -1: [2] 6,15",
];
process.exit(seen.join() === expected.join() ? 0 : 1);
JS
node cumsum.mjs
