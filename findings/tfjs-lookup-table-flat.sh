#!/usr/bin/env bash
# @tensorflow/tfjs-converter 4.22.0: a graph model's LookupTableFindV2, which Keras' StringLookup
# and IntegerLookup become, answers a flat tensor, whatever the shape of its keys: HashTable.find
# stacks one scalar for each key. Of [2, 3] keys come 6 indices, and each layer that follows sees 6
# examples of one column. The values are right, so a Reshape to the keys' shape mends it.
# Seen with Node.js 20 on Linux x86_64, for a table of 10: 0, 20: 1, 30: 2 and keys of the shape [2,
# 3]: "shape [6]: 0,1,2,2,1,0". TensorFlow answers the shape [2, 3]. No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-converter@4.22.0" "@tensorflow/tfjs-backend-cpu@4.22.0"
cat > lookup.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";

const int = { type: "DT_INT32" };
const shape = { shape: { dim: [{ size: "2" }, { size: "3" }] } };
const table = { name: "table", op: "HashTableV2", attr: { key_dtype: int, value_dtype: int } };
const constant = (name) => ({
  name,
  op: "Const",
  attr: { dtype: int, value: { tensor: { dtype: "DT_INT32", tensorShape: {} } } },
});
const types = { Tin: int, Tout: int };
const model = await loadGraphModel(
  tf.io.fromMemory({
    modelTopology: {
      node: [
        { name: "keys", op: "Placeholder", attr: { dtype: int, shape } },
        table,
        constant("unknown"),
        {
          name: "found",
          op: "LookupTableFindV2",
          input: ["table", "keys", "unknown"],
          attr: types,
        },
      ],
      versions: { producer: 1882 },
    },
    modelInitializer: {
      node: [
        table,
        constant("known"),
        constant("indices"),
        {
          name: "filled",
          op: "LookupTableImportV2",
          input: ["table", "known", "indices"],
          attr: types,
        },
      ],
      versions: { producer: 1882 },
    },
    weightSpecs: [
      { name: "unknown", dtype: "int32", shape: [] },
      { name: "known", dtype: "int32", shape: [3] },
      { name: "indices", dtype: "int32", shape: [3] },
    ],
    weightData: new Int32Array([-1, 10, 20, 30, 0, 1, 2]).buffer,
  }),
);
const found = await model.executeAsync(tf.tensor2d([[10, 20, 30], [30, 20, 10]], [2, 3], "int32"));
const seen = `shape [${found.shape}]: ${await found.data()}`;
console.log(seen);
process.exit(seen === "shape [6]: 0,1,2,2,1,0" ? 0 : 1);
JS
node lookup.mjs
