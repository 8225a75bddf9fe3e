/** Wires the model runner, the state and the view together. */
import { Classifier } from './classifier.ts';
import { DEFAULT_ENGINE, isEngine } from './engines.ts';
import { connectCamera } from './inputs/camera.ts';
import { connectDrawing } from './inputs/drawing.ts';
import { connectFiles } from './inputs/files.ts';
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
const classifier = new Classifier(store, new URL('.', document.baseURI));
const view = new View(document, classifier);
store.subscribe((state) => view.render(state));
connectFiles(document, classifier);
connectCamera(document, classifier);
connectDrawing(document, classifier);
await classifier.start();
// Both come after the first answer, which must not wait for them.
void classifier.compareWithServer();
await keepOffline(document).catch((error: unknown) => {
  console.warn('The page will not work offline:', error);
});
