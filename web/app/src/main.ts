/** Wires the model runner, the state and the view together. */
import { Classifier } from './classifier.ts';
import { isBackend } from './runner.ts';
import { Store } from './state.ts';
import { connectInputs } from './inputs.ts';
import { View } from './view.ts';

const wanted = new URLSearchParams(location.search).get('backend');
const store = new Store({
  status: 'loading',
  backend: isBackend(wanted) ? wanted : 'wasm',
  examples: [],
  error: '',
});
const classifier = new Classifier(store, new URL('.', document.baseURI));
const view = new View(document, classifier);
store.subscribe((state) => view.render(state));
connectInputs(document, classifier);
void classifier.start('cpu');
