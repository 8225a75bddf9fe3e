/**
 * Runs the released model in the browser. It has no user interface: the page, the checks and other
 * people's pages all use this module.
 *
 *     const runner = await Runner.load();
 *     const probabilities = await runner.predict({ image: pixels });
 *     runner.dispose();
 */
import type { Contract } from './contract.ts';
import { availableEngines, DEFAULT_ENGINE, type Engine, ENGINES, isEngine } from './engines.ts';
import type { Executor, Memory } from './executor.ts';
import type { Inputs, OutputData, Outputs } from './inputs.ts';
import { loadSite, requireUnchanged, type Site } from './site.ts';
import type { Operation } from './trace.ts';

export { availableEngines, DEFAULT_ENGINE, ENGINES, isEngine, loadSite };
export type { Contract, Engine, Inputs, Memory, OutputData, Outputs, Site };

export interface LoadOptions {
  /** The engine that runs the model; the default is `wasm`. */
  readonly engine?: Engine;
  /** A form of the weights that site.json names; the default is the first one. */
  readonly weights?: string;
}

export class Runner {
  readonly contract: Contract;
  readonly engine: Engine;
  /** The form of the weights that it runs with, such as `float16`. */
  readonly weights: string;
  /** The library that runs the model, with its version. */
  readonly version: string;
  readonly #executor: Executor;

  private constructor(site: Site, engine: Engine, weights: string, executor: Executor) {
    this.contract = site.contract;
    this.engine = engine;
    this.weights = weights;
    this.version = executor.version;
    this.#executor = executor;
  }

  /**
   * Returns a runner that has made its first prediction, so the next one takes the usual time.
   *
   * TensorFlow.js has one active backend for a whole page: loading a second runner on another
   * backend makes the first one unusable.
   *
   * @param base the site's address, which contract.json is relative to. The default is the site
   *   that this module was loaded from.
   */
  static async load(base?: string | URL, options: LoadOptions = {}): Promise<Runner> {
    const url = new URL(base ?? SITE, globalThis.location?.href);
    preload(options);
    return Runner.open(await loadSite(url), options);
  }

  /**
   * Like `load`, for a site whose description is already loaded. Throws when the server has another
   * release by now.
   */
  static async open(site: Site, options: LoadOptions = {}): Promise<Runner> {
    const engine = options.engine ?? DEFAULT_ENGINE;
    const weights = engine === 'litert' ? 'float32' : weightsOf(site, options.weights);
    const executor = await execute(site, engine, weights);
    try {
      await requireUnchanged(site);
    } catch (error) {
      executor.dispose();
      throw error;
    }
    return new Runner(site, engine, weights, executor);
  }

  /** Returns the engine's memory in use; it is the same before and after predictions. */
  memory(): Memory {
    return this.#executor.memory();
  }

  /**
   * Returns the first output, such as class probabilities: for each example in turn, its values.
   */
  async predict(inputs: Inputs): Promise<Float32Array> {
    const values = (await this.predictAll(inputs))[this.contract.outputs[0]!.name]!;
    return values instanceof Float32Array ? values : Float32Array.from(values);
  }

  /** Returns every output, by its name in the contract. */
  predictAll(inputs: Inputs): Promise<Outputs> {
    return this.#executor.run(inputs);
  }

  /** Frees the model's weights. */
  dispose(): void {
    this.#executor.dispose();
  }

  /**
   * Returns the names of the kernels in this page, and of those that run when the site's model is
   * loaded and makes a prediction. In a released site they are the same. LiteRT.js has no names.
   */
  static async kernels(
    base: string | URL,
    options: LoadOptions,
    inputs: Inputs,
  ): Promise<{ registered: string[]; used: string[] }> {
    const engine = options.engine ?? DEFAULT_ENGINE;
    if (engine === 'litert') return { registered: [], used: [] };
    const { profileKernels } = await import('./tensorflow.ts');
    return profileKernels(engine, async () => {
      const runner = await Runner.load(base, options);
      await runner.predict(inputs);
      runner.dispose();
    });
  }

  /**
   * Makes a prediction that may fail; `started` is called with each of the graph's operations just
   * before it is executed. LiteRT.js does not name its operations.
   */
  static async trace(
    base: string | URL,
    { engine = DEFAULT_ENGINE, weights }: LoadOptions,
    inputs: Inputs,
    started: (operation: Operation) => void,
  ): Promise<void> {
    if (engine === 'litert') return;
    const site = await loadSite(new URL(base));
    const { traceOperations } = await import('./tensorflow.ts');
    const model = new URL(site.weights[weightsOf(site, weights)]!, site.base);
    await traceOperations(model, site.contract, engine, inputs, started);
  }
}

// Once built, this module is in the site's folder assets/. (Vite reads
// `new URL(…, import.meta.url)` as the name of a file.)
const HERE = import.meta.url;
const SITE = new URL('../', HERE);

function weightsOf(site: Site, wanted: string | undefined): string {
  const known = Object.keys(site.weights);
  if (wanted !== undefined && !known.includes(wanted)) {
    throw new Error(`There are no ${wanted} weights; the site has: ${known.join(', ')}.`);
  }
  return wanted ?? known[0]!;
}

/** Fetches the engine's code in advance, while something else is being loaded. */
export function preload({ engine = DEFAULT_ENGINE }: LoadOptions): void {
  const code: Promise<unknown> =
    engine === 'litert'
      ? import('./litert.ts')
      : import('./tensorflow.ts').then((module) => module.preload(engine));
  // It is requested again when it is needed, and a failure is reported then.
  code.catch(() => undefined);
}

async function execute(site: Site, engine: Engine, weights: string): Promise<Executor> {
  if (engine !== 'litert') {
    const { TensorFlowExecutor } = await loaded(import('./tensorflow.ts'));
    return TensorFlowExecutor.load(new URL(site.weights[weights]!, site.base), site.contract, engine);
  }
  if (!site.tflite) throw new Error('This model has no file that LiteRT.js can run.');
  const { LiteRtExecutor } = await loaded(import('./litert.ts'));
  return LiteRtExecutor.load(new URL(site.tflite, site.base), site.contract);
}

async function loaded<T>(module: Promise<T>): Promise<T> {
  try {
    return await module;
  } catch (cause) {
    // After a promotion, the server no longer has the files that the open page was built with.
    const advice = 'If the site was updated, reload the page.';
    throw new Error(`The engine's code could not be loaded. ${advice}`, { cause });
  }
}
