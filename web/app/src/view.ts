/** Draws the state, however it came about. */
import { renderAnswers } from './answers.ts';
import type { Actions } from './actions.ts';
import { type Answer, type Contract, imageInput } from './contract.ts';
import { element } from './elements.ts';
import { engineTitle, isEngine } from './engines.ts';
import { compared, released, renderChecks, renderMeasurements } from './figures.ts';
import { decision, headsOf, truthOf } from './heads.ts';
import { WAYS } from './inputs/ways.ts';
import { type Measurement, shownMs } from './measure.ts';
import { drawPreviews, renderPreviews } from './previews.ts';
import type { Released } from './released.ts';
import { markSample, renderSamples } from './samples.ts';
import type { Head, Scene } from './roles/role.ts';
import type { Selection, State } from './state.ts';

export class View {
  readonly #document: Document;
  readonly #actions: Actions;
  #shown: { selection?: Selection; released?: Released; measurements?: readonly Measurement[] } = {};
  #heads: readonly Head[] = [];
  /** What the answers on the screen were drawn from. */
  #drawn: readonly unknown[] = [];

  constructor(document: Document, actions: Actions) {
    this.#document = document;
    this.#actions = actions;
    const engines = this.#find('engines', HTMLSelectElement);
    const forms = this.#find('forms', HTMLSelectElement);
    const choose = (): void => {
      const form = forms.value || undefined;
      if (isEngine(engines.value)) void actions.chooseEngine(engines.value, form);
    };
    engines.addEventListener('change', choose);
    forms.addEventListener('change', choose);
    this.#find('measure', HTMLButtonElement).addEventListener('click', () => {
      void actions.measureEngines();
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
    this.#renderEngine(state);
    this.#renderMeasurements(state);
    if (!state.contract) {
      this.#renderVerdict(state);
      return;
    }
    this.#renderHead(state.contract);
    this.#renderReleased(state);
    const scene = this.#sceneOf(state, state.contract);
    this.#renderVerdict(state, scene);
    this.#renderAnswers(state, scene);
    const samples = this.#find('samples');
    renderSamples(samples, state.contract, state.examples, scene.nameOf, (index) => {
      void this.#actions.chooseSample(index);
    });
    markSample(samples, state.selection?.sample);
    const form = this.#find('values', HTMLFormElement);
    WAYS.fields?.(form, state.contract, state.examples, state.selection, this.#actions);
    this.#renderPictures(state, state.contract);
    this.#renderServer(state, scene);
  }

  #sceneOf({ examples, result, selection }: State, contract: Contract): Scene {
    const { inputs, sample } = result?.selection ?? selection ?? { inputs: {} };
    const nameOf = (index: number): string => {
      const truth = truthOf(this.#heads, examples[index]!);
      return `Sample ${index + 1}${truth && `: ${truth}`}`;
    };
    return { contract, examples, inputs, sample, nameOf };
  }

  #renderHead(contract: Contract): void {
    if (!this.#heads.length) this.#heads = headsOf(contract);
    this.#document.title = contract.title;
    this.#find('title').textContent = contract.title;
    this.#find('description').textContent = contract.description;
    if (contract.made_up) {
      this.#find('samples-heading').textContent = 'Made-up inputs';
      this.#find('checked').textContent = 'made-up inputs';
    }
    const image = imageInput(contract);
    this.#find('sources').hidden = !image;
    // Strokes have no colours.
    this.#find('draw').hidden = image?.shape.at(-1) !== 1;
  }

  #renderReleased({ contract, released: release }: State): void {
    if (!release || release === this.#shown.released) return;
    this.#shown.released = release;
    const madeUp = contract?.made_up ?? false;
    this.#find('facts').textContent = released(release, madeUp);
    this.#find('evidence').hidden = !release.checks.length;
    renderChecks(this.#find('checks', HTMLTableElement), release, madeUp);
  }

  #renderError(error: string): void {
    const box = this.#find('error');
    box.hidden = !error;
    // Setting the same text again would make a screen reader repeat it.
    if (box.textContent !== error) box.textContent = error;
  }

  #renderVerdict({ status, result }: State, scene?: Scene): void {
    const verdict = this.#find('verdict');
    if (status === 'failed') verdict.textContent = 'The model does not run in this browser.';
    if (!result || !scene) return;
    const text = decision(this.#heads, result.answer, scene);
    if (verdict.textContent !== text) verdict.textContent = text;
    // Each head's section has its own; this one is for screen readers.
    verdict.classList.toggle('unseen', this.#heads.length > 1);
    // The exact values and the sample that they belong to, for programs that read the page.
    const section: HTMLElement & { answer?: Answer } = this.#find('result');
    section.answer = result.answer;
    section.dataset['sample'] = String(result.selection.sample ?? '');
  }

  #renderAnswers({ examples, result, server, selection }: State, scene: Scene): void {
    const drawn = [examples, result, server, result ? undefined : selection];
    if (drawn.every((each, index) => each === this.#drawn[index]) && this.#drawn.length) return;
    this.#drawn = drawn;
    const drawing = { answer: result?.answer, server: server?.answer, scene };
    renderAnswers(this.#find('answers'), this.#heads, drawing);
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

  #renderServer({ result, server }: State, scene: Scene): void {
    const line = this.#find('server');
    line.hidden = !server;
    if (!server || !result) return;
    line.textContent = compared(server, result, (answer) => decision(this.#heads, answer, scene));
    line.classList.toggle('problem', server.problem !== '');
    this.#find('privacy').textContent =
      'Computed on this device and, for comparison, by the model server of this page.';
  }

  #renderPictures({ picture, selection }: State, contract: Contract): void {
    const previews = this.#find('previews');
    renderPreviews(previews, contract, picture ?? imageInput(contract)?.name ?? '', (input) => {
      this.#actions.choosePictureInput(input);
    });
    if (!selection || selection === this.#shown.selection) return;
    this.#shown.selection = selection;
    drawPreviews(previews, contract, selection);
  }

  #find(id: string): HTMLElement;
  #find<T extends HTMLElement>(id: string, type: new () => T): T;
  #find(id: string, type: new () => HTMLElement = HTMLElement): HTMLElement {
    return element(this.#document, id, type);
  }
}
