/** Draws the state, however it came about. */
import { percent, renderBars } from './bars.ts';
import type { Classifier } from './classifier.ts';
import { type Answer, type Contract, firstOutput, imageInput } from './contract.ts';
import { element } from './elements.ts';
import { engineTitle, isEngine } from './engines.ts';
import { compared, released, renderChecks, renderMeasurements } from './figures.ts';
import { renderFields } from './inputs/fields.ts';
import { type Measurement, shownMs } from './measure.ts';
import { drawInput } from './picture.ts';
import { topClass } from './probabilities.ts';
import type { Released } from './released.ts';
import { markSample, renderSamples } from './samples.ts';
import type { Selection, State } from './state.ts';

export class View {
  readonly #document: Document;
  readonly #classifier: Classifier;
  #shown: { selection?: Selection; released?: Released; measurements?: readonly Measurement[] } = {};

  constructor(document: Document, classifier: Classifier) {
    this.#document = document;
    this.#classifier = classifier;
    const engines = this.#find('engines', HTMLSelectElement);
    const forms = this.#find('forms', HTMLSelectElement);
    const choose = (): void => {
      const form = forms.value || undefined;
      if (isEngine(engines.value)) void classifier.chooseEngine(engines.value, form);
    };
    engines.addEventListener('change', choose);
    forms.addEventListener('change', choose);
    this.#find('measure', HTMLButtonElement).addEventListener('click', () => {
      void classifier.measureEngines();
    });
  }

  render(state: State): void {
    const app = this.#find('app');
    app.dataset['status'] = state.status;
    // Everything appears at once: later parts would move those that are already there.
    const shown = state.examples.length > 0 || state.status !== 'loading';
    this.#document.body.classList.toggle('shown', shown);
    // The scripts have arrived: the hint for pages without them is no longer needed.
    this.#find('stalled').hidden = true;
    app.setAttribute('aria-busy', String(state.status === 'loading'));
    this.#renderError(state.error);
    this.#renderVerdict(state);
    this.#renderEngine(state);
    this.#renderMeasurements(state);
    if (!state.contract) return;
    this.#renderHead(state.contract);
    this.#renderReleased(state);
    const { name } = firstOutput(state.contract);
    renderBars(
      this.#find('bars'),
      state.contract.labels,
      state.result?.answer[name],
      state.server?.answer?.[name],
    );
    const samples = this.#find('samples');
    renderSamples(samples, state.contract, state.examples, (index) => {
      void this.#classifier.chooseSample(index);
    });
    markSample(samples, state.selection?.sample);
    const form = this.#find('values', HTMLFormElement);
    renderFields(form, state.contract, state.examples, state.selection, this.#classifier);
    if (state.selection) this.#renderSelection(state.contract, state.selection);
    this.#renderServer(state);
  }

  #renderHead(contract: Contract): void {
    this.#document.title = contract.title;
    this.#find('title').textContent = contract.title;
    this.#find('description').textContent = contract.description;
    const image = imageInput(contract);
    this.#find('sources').hidden = !image;
    // Strokes have no colours.
    this.#find('draw').hidden = image?.shape.at(-1) !== 1;
  }

  #renderReleased({ released: release }: State): void {
    if (!release || release === this.#shown.released) return;
    this.#shown.released = release;
    this.#find('facts').textContent = released(release);
    this.#find('evidence').hidden = !release.checks.length;
    renderChecks(this.#find('checks', HTMLTableElement), release);
  }

  #renderError(error: string): void {
    const box = this.#find('error');
    box.hidden = !error;
    // Setting the same text again would make a screen reader repeat it.
    if (box.textContent !== error) box.textContent = error;
  }

  #renderVerdict({ status, contract, result }: State): void {
    const verdict = this.#find('verdict');
    if (status === 'failed') verdict.textContent = 'The model does not run in this browser.';
    if (!result || !contract) return;
    const probabilities = result.answer[firstOutput(contract).name]!;
    const top = topClass(probabilities);
    const text = `${contract.labels[top]} · ${percent(probabilities[top]!)}`;
    if (verdict.textContent !== text) verdict.textContent = text;
    // The exact values and the sample that they belong to, for programs that read the page.
    const section: HTMLElement & { answer?: Answer } = this.#find('result');
    section.answer = result.answer;
    section.dataset['sample'] = String(result.selection.sample ?? '');
  }

  #renderEngine({ status, engine, engines, weights, weightForms, why, result }: State): void {
    const busy = status === 'loading';
    const select = this.#find('engines', HTMLSelectElement);
    const shown = engines.length ? engines : [engine];
    if (select.options.length !== shown.length) {
      select.replaceChildren(...shown.map((name) => new Option(engineTitle(name), name)));
    }
    select.value = engine;
    select.disabled = busy;
    const forms = this.#find('forms', HTMLSelectElement);
    if (forms.options.length !== weightForms.length) {
      forms.replaceChildren(...weightForms.map((form) => new Option(form, form)));
    }
    if (weights) forms.value = weights;
    forms.disabled = busy;
    // LiteRT.js has its own file, with one form of the weights.
    this.#find('weights').hidden = weightForms.length < 2 || engine === 'litert';
    this.#find('why').textContent = why;
    this.#find('time').textContent = result ? shownMs(result.milliseconds) : '';
  }

  #renderMeasurements({ status, measurements }: State): void {
    this.#find('measure', HTMLButtonElement).disabled = status !== 'ready';
    if (measurements === this.#shown.measurements) return;
    this.#shown.measurements = measurements;
    const table = this.#find('measurements', HTMLTableElement);
    renderMeasurements(table, measurements);
    table.parentElement!.hidden = !measurements.length;
  }

  #renderServer({ contract, result, server }: State): void {
    const line = this.#find('server');
    line.hidden = !server;
    if (!server || !result || !contract) return;
    line.textContent = compared(server, result, contract);
    line.classList.toggle('problem', server.problem !== '');
    this.#find('privacy').textContent =
      'Computed on this device and, for comparison, by the model server of this page.';
  }

  #renderSelection(contract: Contract, selection: Selection): void {
    if (selection === this.#shown.selection) return;
    this.#shown.selection = selection;
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
