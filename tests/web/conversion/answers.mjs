// Runs graph models in the complete TensorFlow.js: answers.mjs FOLDER…
//
// Each folder has model/ and inputs.json. For each backend, it gets BACKEND.json: the outputs in the
// order of outputs.json, or the error's message.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const WEB = new URL('../../../web/', import.meta.url);
const require = createRequire(new URL('bundle/', WEB));
const tf = require('@tensorflow/tfjs-core');
const converter = require('@tensorflow/tfjs-converter');
require('@tensorflow/tfjs-backend-cpu');
const wasm = require('@tensorflow/tfjs-backend-wasm');
const files = new URL('node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/', WEB);
wasm.setWasmPaths(files.pathname);
tf.enableProdMode();

for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  for (const folder of process.argv.slice(2)) {
    let result;
    try {
      result = await answers(folder);
    } catch (error) {
      result = { error: error.message };
    }
    await writeFile(join(folder, `${backend}.json`), JSON.stringify(result));
  }
}

async function answers(folder) {
  const read = async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'));
  const json = await read('model/model.json');
  const weights = await readFile(join(folder, 'model', json.weightsManifest[0].paths[0]));
  const { buffer, byteOffset, byteLength } = weights;
  const artifacts = {
    ...json,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weightData: buffer.slice(byteOffset, byteOffset + byteLength),
  };
  const graph = await converter.loadGraphModel({ load: async () => artifacts });
  const inputs = {};
  for (const [name, { values, shape, dtype }] of Object.entries(await read('inputs.json'))) {
    inputs[name] = tf.tensor(values, shape, dtype);
  }
  const outputs = [];
  // A single output comes without an array.
  for (const tensor of [await graph.executeAsync(inputs, await read('outputs.json'))].flat()) {
    outputs.push({ shape: tensor.shape, values: [...(await tensor.data())].map(text) });
  }
  return outputs;
}

// JSON has no infinity and no NaN; Python reads them from text.
function text(value) {
  return String(value).replace('Infinity', 'inf');
}
