/** TensorFlow.js as its documentation loads it, with the graph that its converter writes. */
await tf.setBackend('cpu');
await tf.ready();
const [contract, model] = await Promise.all([
  fetch('./site/contract.json').then((response) => response.json()),
  tf.loadGraphModel('./plain/model.json'),
]);
globalThis.predict = async (inputs) => {
  const tensors = Object.fromEntries(
    contract.inputs.map(({ name, shape, dtype }) => [
      name,
      tf.tensor(inputs[name], [1, ...shape], dtype),
    ]),
  );
  // A graph with a loop runs only asynchronously.
  const answer = await model.executeAsync(tensors);
  const values = await answer.data();
  tf.dispose([answer, tensors]);
  return values;
};
