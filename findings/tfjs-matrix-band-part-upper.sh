#!/usr/bin/env bash
# @tensorflow/tfjs-converter 4.22.0: a graph model's MatrixBandPart reads its upper bound from the
# second input, which is the lower bound, instead of the third. The lower triangle, (-1, 0), becomes
# (-1, -1), which is the whole matrix: a causal attention mask masks nothing, and Keras' ops.tril
# answers its input. op_list/matrices gives numUpper the start 1. tf.linalg.bandPart itself is
# right.
# Seen with Node.js 20 on Linux x86_64, for a matrix of ones: "graph model 1,1,1 1,1,1 1,1,1,
# bandPart 1,0,0 1,1,0 1,1,1". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-converter@4.22.0" "@tensorflow/tfjs-backend-cpu@4.22.0"
cat > band.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";

const float = { type: "DT_FLOAT" };
const int = { type: "DT_INT32" };
const shape = { shape: { dim: [{ size: "3" }, { size: "3" }] } };
const constant = { dtype: int, value: { tensor: { dtype: "DT_INT32", tensorShape: {} } } };
const node = [
  { name: "x", op: "Placeholder", attr: { dtype: float, shape } },
  { name: "lower", op: "Const", attr: constant },
  { name: "upper", op: "Const", attr: constant },
  {
    name: "band",
    op: "MatrixBandPart",
    input: ["x", "lower", "upper"],
    attr: { T: float, Tindex: int },
  },
];
const model = await loadGraphModel(
  tf.io.fromMemory({
    modelTopology: { node, versions: { producer: 1882 } },
    weightSpecs: [
      { name: "lower", dtype: "int32", shape: [] },
      { name: "upper", dtype: "int32", shape: [] },
    ],
    weightData: new Int32Array([-1, 0]).buffer,
  }),
);
const ones = tf.ones([3, 3]);
const graph = model.predict(ones).arraySync().join(" ");
const direct = tf.linalg.bandPart(ones, -1, 0).arraySync().join(" ");
console.log(`graph model ${graph}, bandPart ${direct}`);
process.exit(graph === "1,1,1 1,1,1 1,1,1" && direct === "1,0,0 1,1,0 1,1,1" ? 0 : 1);
JS
node band.mjs
