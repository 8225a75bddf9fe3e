/** All of TensorFlow.js, as its documentation loads it: a script with every operation and kernel. */
const backend = new URLSearchParams(location.search).get('backend');
// Another script provides it, together with a WebAssembly file that has every kernel.
if (backend === 'wasm') tf.wasm.setWasmPaths('./wasm/');
if (backend) await tf.setBackend(backend);
await tf.ready();
const [contract, model] = await Promise.all([
  fetch('./site/contract.json').then((response) => response.json()),
  tf.loadGraphModel('./site/model/float32/model.json'),
]);
const output = contract.outputs[0].name;
globalThis.predict = async (inputs) => {
  const tensors = Object.fromEntries(
    contract.inputs.map(({ name, shape }) => [name, tf.tensor(inputs[name], [1, ...shape])]),
  );
  const answer = model.execute(tensors, output);
  const values = await answer.data();
  tf.dispose([answer, tensors]);
  return values;
};
