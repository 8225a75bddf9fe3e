#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: tf.maxPool3d of a window that has only negative numbers
# answers 1.18e-38. The kernel starts from the smallest positive float, not from the lowest float
# (in C++, numeric_limits<float>::min is the former). Windows with a positive number are right, so
# whether a model meets it depends on its data. tf.maxPool and the cpu backend are right.
# Seen with Node.js 20 on Linux x86_64, for windows of -1 and of -1 with one 2:
# "cpu -1 2, wasm 1.1754943508222875e-38 2". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "@tensorflow/tfjs-core@4.22.0" \
    "@tensorflow/tfjs-backend-cpu@4.22.0" "@tensorflow/tfjs-backend-wasm@4.22.0"
cat > pool.mjs <<'JS'
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

async function largest(backend) {
  await tf.setBackend(backend);
  const negative = tf.fill([1, 2, 2, 2, 1], -1);
  const mixed = tf.tensor5d([-1, -1, -1, 2, -1, -1, -1, -1], [1, 2, 2, 2, 1]);
  const answers = [negative, mixed].map((x) => tf.maxPool3d(x, 2, 2, "valid").data());
  return (await Promise.all(answers)).join(" ");
}

const cpu = await largest("cpu");
const wasm = await largest("wasm");
console.log(`cpu ${cpu}, wasm ${wasm}`);
process.exit(cpu === "-1 2" && wasm === "1.1754943508222875e-38 2" ? 0 : 1);
JS
node pool.mjs
