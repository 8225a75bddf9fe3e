/** The page's actions: each changes the state, and a failed one says so there, in words. */
import { type Example, imageInput, loadContract, loadExamples } from './contract.ts';
import { decode, pictureToInput } from './picture.ts';
import { type Backend, type Inputs, Runner } from './runner.ts';
import type { Selection, Store } from './state.ts';

export class Classifier {
  readonly #store: Store;
  readonly #site: URL;
  #runner: Runner | undefined;
  /** The last picture that was given, kept to be read again when an option changes. */
  #picture: { bitmap: ImageBitmap; name: string } | undefined;
  /** Actions run one after another: TensorFlow.js has one active backend. */
  #queue: Promise<void> = Promise.resolve();

  constructor(store: Store, site: URL) {
    this.#store = store;
    this.#site = site;
  }

  /** Loads everything. `fallback` is used when the state's backend does not run here. */
  start(fallback: Backend): Promise<void> {
    return this.#act(async () => {
      const contract = await loadContract(this.#site);
      const examples = await loadExamples(this.#site, contract);
      this.#store.update({ contract, examples });
      await this.#useBackend(this.#store.state.backend, fallback);
      if (examples[0]) await this.#classify(sampleSelection(examples, 0));
    });
  }

  chooseSample(index: number): Promise<void> {
    return this.#act(() => {
      this.#dropPicture();
      return this.#classify(sampleSelection(this.#store.state.examples, index));
    });
  }

  chooseFile(file: File, invert: boolean): Promise<void> {
    return this.#act(async () => this.#takePicture(await decode(file), file.name, invert));
  }

  /** Takes over the picture, and closes it when another one comes. */
  choosePicture(picture: ImageBitmap, name: string, invert: boolean): Promise<void> {
    return this.#act(() => this.#takePicture(picture, name, invert));
  }

  /** Classifies values that were typed in. */
  chooseValues(inputs: Inputs): Promise<void> {
    return this.#act(() => this.#classify({ inputs, name: 'Your values' }));
  }

  /** Puts a problem on the screen that arose before there was anything to classify. */
  report(problem: string): void {
    this.#store.update({ error: problem });
  }

  /** Reads the last picture again; does nothing when a sample is shown. */
  invertPicture(invert: boolean): Promise<void> {
    return this.#act(() => this.#classifyPicture(invert));
  }

  chooseBackend(backend: Backend): Promise<void> {
    return this.#act(async () => {
      const before = this.#runner?.backend;
      await this.#useBackend(backend, before);
      const { selection } = this.#store.state;
      if (selection) await this.#classify(selection);
    });
  }

  async #takePicture(bitmap: ImageBitmap, name: string, invert: boolean): Promise<void> {
    this.#dropPicture();
    this.#picture = { bitmap, name };
    await this.#classifyPicture(invert);
  }

  #dropPicture(): void {
    this.#picture?.bitmap.close();
    this.#picture = undefined;
  }

  async #classifyPicture(invert: boolean): Promise<void> {
    const input = this.#store.state.contract && imageInput(this.#store.state.contract);
    if (!this.#picture || !input) return;
    const values = pictureToInput(this.#picture.bitmap, input, { invert });
    await this.#classify({ inputs: { [input.name]: values }, name: this.#picture.name });
  }

  async #classify(selection: Selection): Promise<void> {
    const runner = this.#runner;
    if (!runner) return;
    this.#store.update({ status: 'running', selection });
    const start = performance.now();
    const probabilities = Array.from(await runner.predict(selection.inputs));
    const milliseconds = performance.now() - start;
    const { backend } = runner;
    this.#store.update({ result: { probabilities, milliseconds, backend, selection } });
  }

  async #useBackend(backend: Backend, fallback: Backend | undefined): Promise<void> {
    this.#store.update({ status: 'loading' });
    this.#runner?.dispose();
    this.#runner = undefined;
    let refusal = '';
    try {
      this.#runner = await Runner.load(this.#site, backend);
    } catch (error) {
      if (!fallback || fallback === backend) throw error;
      refusal = `${message(error)} It runs on ${fallback} instead.`;
      this.#runner = await Runner.load(this.#site, fallback);
    }
    this.#store.update({ backend: this.#runner.backend, error: refusal });
  }

  #act(action: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const before = this.#store.state.error;
      try {
        await action();
        const { error } = this.#store.state;
        // An error from an earlier action is over, one that this action reports stays.
        this.#store.update({ status: 'ready', error: error === before ? '' : error });
      } catch (error) {
        this.#store.update({ status: this.#runner ? 'ready' : 'failed', error: message(error) });
      }
    });
    return this.#queue;
  }
}

function sampleSelection(examples: readonly Example[], index: number): Selection {
  const example = examples[index];
  if (!example) throw new Error(`There is no sample ${index + 1}.`);
  return { inputs: example.inputs, name: `Sample ${index + 1}`, sample: index };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
