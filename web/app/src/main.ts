/** Wires the model runner, the state and the view together. */
import { Actions } from './actions.ts';
import { DEFAULT_ENGINE, isEngine } from './engines.ts';
import { WAYS } from './inputs/ways.ts';
import { keepOffline } from './offline.ts';
import { Store } from './state.ts';
import { View } from './view.ts';

const wanted = new URLSearchParams(location.search).get('engine');
const store = new Store({
  status: 'loading',
  engine: isEngine(wanted) ? wanted : DEFAULT_ENGINE,
  engines: [],
  weightForms: [],
  why: '',
  examples: [],
  measurements: [],
  error: '',
});
const actions = new Actions(store, new URL('.', document.baseURI));
const view = new View(document, actions);
store.subscribe((state) => view.render(state));
WAYS.pictures?.(document, actions);
await actions.start();
// Both come after the first answer, which must not wait for them.
void actions.compareWithServer();
await keepOffline(document).catch((error: unknown) => {
  console.warn('The page will not work offline:', error);
});
