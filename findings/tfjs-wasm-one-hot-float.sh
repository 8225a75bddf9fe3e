#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: the OneHot kernel writes integers into a tensor of floats,
# whose bits are then read as a float. A one becomes 1.4e-45, the smallest float there is: to the
# layers that follow, every category is the same row of zeros. An int32 result is right, so
# tf.cast(tf.oneHot(…, "int32"), "float32") is a way round. The cpu backend is right in both.
# Seen with Node.js 20 on Linux x86_64: "cpu 0,1,0, wasm 0,1.401298464324817e-45,0, wasm int32
# 0,1,0". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-backend-cpu@4.22.0" "@tensorflow/tfjs-backend-wasm@4.22.0"
cat > one_hot.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

async function oneHot(backend, dtype) {
  await tf.setBackend(backend);
  const values = await tf.oneHot(tf.tensor1d([1], "int32"), 3, 1, 0, dtype).data();
  return values.join();
}

const cpu = await oneHot("cpu", "float32");
const wasm = await oneHot("wasm", "float32");
const integers = await oneHot("wasm", "int32");
console.log(`cpu ${cpu}, wasm ${wasm}, wasm int32 ${integers}`);
const seen = cpu === "0,1,0" && wasm === "0,1.401298464324817e-45,0" && integers === "0,1,0";
process.exit(seen ? 0 : 1);
JS
node one_hot.mjs
