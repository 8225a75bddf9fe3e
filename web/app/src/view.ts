/** Draws the state; knows nothing of how it came about. */
import { percent, renderBars } from './bars.ts';
import type { Classifier } from './classifier.ts';
import { type Contract, imageInput } from './contract.ts';
import { element } from './elements.ts';
import { renderFields } from './inputs/fields.ts';
import { drawInput } from './picture.ts';
import { BACKENDS, isBackend } from './runner.ts';
import { markSample, renderSamples } from './samples.ts';
import { type Selection, type State, topClass } from './state.ts';

export class View {
  readonly #document: Document;
  readonly #classifier: Classifier;
  #shown: Selection | undefined;

  constructor(document: Document, classifier: Classifier) {
    this.#document = document;
    this.#classifier = classifier;
    const backends = this.#find('backend', HTMLSelectElement);
    backends.replaceChildren(...BACKENDS.map((name) => new Option(name, name)));
    backends.addEventListener('change', () => {
      if (isBackend(backends.value)) void classifier.chooseBackend(backends.value);
    });
  }

  render(state: State): void {
    const app = this.#find('app');
    app.dataset['status'] = state.status;
    app.setAttribute('aria-busy', String(state.status === 'loading'));
    this.#renderError(state.error);
    this.#renderVerdict(state);
    this.#renderEngine(state);
    if (!state.contract) return;
    this.#renderHead(state.contract);
    renderBars(this.#find('bars'), state.contract.labels, state.result?.probabilities);
    const samples = this.#find('samples');
    renderSamples(samples, state.contract, state.examples, (index) => {
      void this.#classifier.chooseSample(index);
    });
    markSample(samples, state.selection?.sample);
    const form = this.#find('values', HTMLFormElement);
    renderFields(form, state.contract, state.examples, state.selection, this.#classifier);
    if (state.selection) this.#renderSelection(state.contract, state.selection);
  }

  #renderHead(contract: Contract): void {
    this.#document.title = contract.title;
    this.#find('title').textContent = contract.title;
    this.#find('description').textContent = contract.description;
    this.#find('version').textContent =
      contract.version === null ? 'Unreleased build.' : `Model version ${contract.version}.`;
    const image = imageInput(contract);
    this.#find('sources').hidden = !image;
    // Strokes have no colours.
    this.#find('draw').hidden = image?.shape.at(-1) !== 1;
  }

  #renderError(error: string): void {
    const box = this.#find('error');
    box.hidden = !error;
    // Setting equal text again would make a screen reader say it again.
    if (box.textContent !== error) box.textContent = error;
  }

  #renderVerdict({ status, contract, result }: State): void {
    const verdict = this.#find('verdict');
    if (status === 'failed') verdict.textContent = 'The model does not run here.';
    if (!result || !contract) return;
    const top = topClass(result.probabilities);
    const text = `${contract.labels[top]} · ${percent(result.probabilities[top]!)}`;
    if (verdict.textContent !== text) verdict.textContent = text;
    // What the figures belong to, for whoever reads the page by program.
    this.#find('result').dataset['sample'] = String(result.selection.sample ?? '');
  }

  #renderEngine({ status, backend, result }: State): void {
    const select = this.#find('backend', HTMLSelectElement);
    select.value = backend;
    select.disabled = status === 'loading';
    this.#find('time').textContent = result
      ? `${result.milliseconds.toFixed(result.milliseconds < 10 ? 1 : 0)} ms`
      : '';
  }

  #renderSelection(contract: Contract, selection: Selection): void {
    if (selection === this.#shown) return;
    this.#shown = selection;
    const image = imageInput(contract);
    const preview = this.#find('preview', HTMLCanvasElement);
    preview.hidden = !image;
    if (image) drawInput(preview, selection.inputs[image.name]!, image);
    preview.setAttribute('aria-label', `${selection.name}, as the model sees it`);
  }

  #find(id: string): HTMLElement;
  #find<T extends HTMLElement>(id: string, type: new () => T): T;
  #find(id: string, type: new () => HTMLElement = HTMLElement): HTMLElement {
    return element(this.#document, id, type);
  }
}
