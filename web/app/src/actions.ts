/** The page's actions. Each changes the state; one that fails leaves an error message there. */
import { type Answer, type Example, imageInputs, loadExamples } from './contract.ts';
import { DEFAULT_ENGINE, type Engine, engineTitle } from './engines.ts';
import type { Inputs, Outputs } from './inputs.ts';
import { differenceOn, fastest, MAX_DIFFERENCE, measure, reason } from './measure.ts';
import { percent } from './numbers.ts';
import { pause } from './pause.ts';
import { decode, pictureToInput } from './picture.ts';
import { loadReleased } from './released.ts';
import { availableEngines, type LoadOptions, preload, Runner } from './runner.ts';
import { askServer, findServer } from './server.ts';
import { loadSite, type Site } from './site.ts';
import type { Selection, Store } from './state.ts';

type Choice = LoadOptions & { engine: Engine };

// If the wanted engine does not run: the one that most browsers run, then the one that all run.
const FALLBACKS: readonly Choice[] = [{ engine: DEFAULT_ENGINE }, { engine: 'cpu' }];

export class Actions {
  readonly #store: Store;
  readonly #base: URL;
  #site: Site | undefined;
  #runner: Runner | undefined;
  #server: URL | undefined;
  /** The user's last picture, kept so that it can be read again when an option changes. */
  #picture: { bitmap: ImageBitmap; name: string; input: string } | undefined;
  /** Actions run one after another: TensorFlow.js has one active backend. */
  #queue: Promise<void> = Promise.resolve();

  constructor(store: Store, base: URL) {
    this.#store = store;
    this.#base = base;
  }

  /** Loads everything. If the state's engine does not run here, one that does takes its place. */
  start(): Promise<void> {
    return this.#act(async () => {
      const { engine } = this.#store.state;
      preload({ engine });
      const [site, released] = await Promise.all([loadSite(this.#base), loadReleased(this.#base)]);
      this.#site = site;
      const { contract } = site;
      const weightForms = Object.keys(site.weights);
      this.#store.update({ contract, released, weightForms });
      void availableEngines(site).then((engines) => this.#store.update({ engines }));
      // Shown as they arrive: the page is complete, but for the answer, before the model is loaded.
      const samples = loadExamples(this.#base, contract).then((examples) => {
        this.#store.update({ examples, ...(examples[0] && { selection: sampleSelection(examples, 0) }) });
      });
      samples.catch(() => undefined);
      await this.#use({ engine }, ...FALLBACKS);
      await samples;
      await pause();
      await this.#again();
    });
  }

  /** Looks for a model server; from then on, each answer is compared with the server's. */
  async compareWithServer(): Promise<void> {
    this.#server = await findServer(this.#base);
    const { selection } = this.#store.state;
    if (selection) await this.#compare(selection);
  }

  chooseSample(index: number): Promise<void> {
    return this.#act(() => {
      this.#dropPicture();
      return this.#run(sampleSelection(this.#store.state.examples, index));
    });
  }

  chooseFile(file: File, invert: boolean): Promise<void> {
    return this.#act(async () => this.#takePicture(await decode(file), file.name, invert));
  }

  /** Takes ownership of the picture, and closes it when another one arrives. */
  choosePicture(picture: ImageBitmap, name: string, invert: boolean): Promise<void> {
    return this.#act(() => this.#takePicture(picture, name, invert));
  }

  /** Says which input the next picture is for, where the model takes several pictures. */
  choosePictureInput(input: string): void {
    this.#store.update({ picture: input });
  }

  /** Runs the model with values that were typed in; the other inputs stay as they are. */
  chooseValues(inputs: Inputs): Promise<void> {
    return this.#act(() => this.#run(this.#changed(inputs, 'Your values')));
  }

  /** Shows a problem that occurred before there was anything to run the model with. */
  report(problem: string): void {
    this.#store.update({ error: problem });
  }

  /** Reads the last picture again; does nothing when a sample is shown. */
  invertPicture(invert: boolean): Promise<void> {
    return this.#act(() => this.#runPicture(invert));
  }

  chooseEngine(engine: Engine, weights?: string): Promise<void> {
    return this.#act(async () => {
      const before = this.#runner && { engine: this.#runner.engine, weights: this.#runner.weights };
      this.#store.update({ why: '' });
      const choice = weights === undefined ? { engine } : { engine, weights };
      await this.#use(choice, ...(before ? [before] : []));
      await this.#again();
    });
  }

  /** Runs the samples on every engine, and switches to the fastest one that computes correctly. */
  measureEngines(): Promise<void> {
    return this.#act(async () => {
      const { engines, examples, weights } = this.#store.state;
      this.#release();
      this.#store.update({ status: 'loading', measurements: [] });
      for (const engine of engines) {
        const form = engine === 'litert' ? undefined : weights;
        const measurement = await measure(this.#site!, engine, form, examples);
        this.#store.update({ measurements: [...this.#store.state.measurements, measurement] });
      }
      const { measurements } = this.#store.state;
      const best = fastest(measurements);
      const chosen = best ? [{ engine: best.engine, weights: best.weights }] : [];
      await this.#use(...chosen, ...FALLBACKS);
      if (this.#runner?.engine === best?.engine) this.#store.update({ why: reason(measurements) });
      await this.#again();
    });
  }

  async #again(): Promise<void> {
    const { selection } = this.#store.state;
    if (selection) await this.#run(selection);
  }

  async #takePicture(bitmap: ImageBitmap, name: string, invert: boolean): Promise<void> {
    this.#dropPicture();
    const { contract, picture } = this.#store.state;
    const input = picture ?? (contract && imageInputs(contract)[0]?.name);
    if (input === undefined) return;
    this.#picture = { bitmap, name, input };
    await this.#runPicture(invert);
  }

  #dropPicture(): void {
    this.#picture?.bitmap.close();
    this.#picture = undefined;
  }

  async #runPicture(invert: boolean): Promise<void> {
    const { contract } = this.#store.state;
    if (!this.#picture || !contract) return;
    const { bitmap, name, input } = this.#picture;
    const spec = imageInputs(contract).find((each) => each.name === input)!;
    await this.#run(this.#changed({ [input]: pictureToInput(bitmap, spec, { invert }) }, name));
  }

  #changed(inputs: Inputs, name: string): Selection {
    return { inputs: { ...this.#store.state.selection?.inputs, ...inputs }, name };
  }

  async #run(selection: Selection): Promise<void> {
    const runner = this.#runner;
    if (!runner) return;
    this.#store.update({ status: 'running', selection });
    const start = performance.now();
    const outputs = await runner.predictAll(selection.inputs);
    const milliseconds = performance.now() - start;
    this.#store.update({ result: { answer: plain(outputs), milliseconds, selection } });
    void this.#compare(selection);
  }

  /** Asks the server as well. Its answer is dropped if the selection has changed by then. */
  async #compare(selection: Selection): Promise<void> {
    const { contract } = this.#store.state;
    if (!this.#server || !contract) return;
    const answer = await askServer(this.#server, contract, selection.inputs);
    if (this.#store.state.selection === selection) this.#store.update({ server: answer });
  }

  /** Takes the first choice that runs here; reports an error if an earlier one did not. */
  async #use(...choices: Choice[]): Promise<void> {
    this.#store.update({ status: 'loading' });
    this.#release();
    let refusal: unknown;
    for (const choice of choices) {
      try {
        const runner = await Runner.open(this.#site!, choice);
        await this.#requireSound(runner);
        this.#runner = runner;
        break;
      } catch (error) {
        refusal ??= error;
      }
    }
    if (!this.#runner) throw refusal;
    const { engine, weights } = this.#runner;
    const instead = ` It runs on ${engineTitle(engine)} instead.`;
    const error = refusal === undefined ? '' : message(refusal) + instead;
    this.#store.update({ engine, weights, error });
  }

  /** Throws when an engine other than the default computes wrong answers on this device. */
  async #requireSound(runner: Runner): Promise<void> {
    const { examples } = this.#store.state;
    if (runner.engine === DEFAULT_ENGINE || !examples.length) return;
    const difference = await differenceOn(runner, examples);
    if (difference <= MAX_DIFFERENCE) return;
    runner.dispose();
    throw new Error(
      `${engineTitle(runner.engine)} computes different answers on this device: ` +
        `they differ by up to ${percent(difference)}.`,
    );
  }

  #release(): void {
    this.#runner?.dispose();
    this.#runner = undefined;
  }

  #act(action: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const before = this.#store.state.error;
      try {
        await action();
        const { error } = this.#store.state;
        // An error from an earlier action is cleared; one that this action reported stays.
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

function plain(outputs: Outputs): Answer {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, values]) => [name, Array.from(values)]),
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
