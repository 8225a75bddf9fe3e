/** LiteRT.js as its documentation loads it: it chooses one of its builds itself. */
import { loadAndCompile, loadLiteRt, Tensor } from './litert/index.js';

const [contract, site] = await Promise.all(
  ['contract', 'site'].map((name) => fetch(`./site/${name}.json`).then((response) => response.json())),
);
await loadLiteRt('./litert/wasm/');
const model = await loadAndCompile(`./site/${site.tflite}`, { accelerator: 'wasm' });
const output = contract.outputs[0].name;
globalThis.predict = async (inputs) => {
  const tensors = Object.fromEntries(
    contract.inputs.map(({ name, shape }) => [name, new Tensor(inputs[name], [1, ...shape])]),
  );
  const answers = await model.run(tensors);
  const values = Float32Array.from(await answers[output].data());
  for (const tensor of [...Object.values(tensors), ...Object.values(answers)]) tensor.delete();
  return values;
};
