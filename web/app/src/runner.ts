/**
 * Runs the released model in the browser. No user interface: the page, the checks and other
 * people's pages all use this module.
 *
 *     const runner = await Runner.load('https://example.org/fashion/', 'wasm');
 *     const probabilities = await runner.predict({ image: pixels });
 *     runner.dispose();
 */
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';

import { activate, type Backend, BACKENDS, isBackend } from './backends.ts';
import { type Contract, elements, firstOutput, loadContract, type TensorSpec } from './contract.ts';

export type TensorData = Float32Array | Int32Array | Uint8Array | readonly (number | string)[];
/** For each input of the contract, one or more examples, flat in row-major order. */
export type Inputs = Readonly<Record<string, TensorData>>;

export { BACKENDS, isBackend };
export type { Backend };
export const VERSION = tf.version_core;

export class Runner {
  readonly contract: Contract;
  readonly backend: Backend;
  readonly #model: GraphModel;
  /** Whether the graph has tables or control flow, which only run asynchronously. */
  #asynchronous = false;

  private constructor(contract: Contract, backend: Backend, model: GraphModel) {
    this.contract = contract;
    this.backend = backend;
    this.#model = model;
  }

  /**
   * Returns a runner that has made its first prediction, so that the next one takes its usual time.
   *
   * TensorFlow.js has one active backend for a whole page: loading a second runner on another
   * backend puts the first one out of use.
   *
   * @param base the site's address: what contract.json and model/model.json are relative to.
   */
  static async load(base: string | URL, backend: Backend): Promise<Runner> {
    const site = new URL(base, globalThis.location?.href);
    const [contract] = await Promise.all([loadContract(site), activate(backend)]);
    const model = await loadModel(new URL('model/model.json', site));
    const runner = new Runner(contract, backend, model);
    try {
      await runner.#warmUp();
    } catch (error) {
      runner.dispose();
      throw error;
    }
    return runner;
  }

  /** Returns how many tensors and bytes TensorFlow.js holds; equal before and after predictions. */
  static memory(): { tensors: number; bytes: number } {
    const { numTensors, numBytes } = tf.memory();
    return { tensors: numTensors, bytes: numBytes };
  }

  /** Returns the class probabilities: for each example in turn, one value a label. */
  async predict(inputs: Inputs): Promise<Float32Array> {
    if (tf.getBackend() !== this.backend) {
      throw new Error(`The active backend is ${tf.getBackend()}, this runner needs ${this.backend}.`);
    }
    const tensors = toTensors(inputs, this.contract.inputs);
    try {
      const output = await this.#execute(tensors);
      try {
        return (await output.data()) as Float32Array;
      } finally {
        output.dispose();
      }
    } finally {
      tf.dispose(tensors);
    }
  }

  /** Frees the model's weights. */
  dispose(): void {
    this.#model.dispose();
  }

  async #execute(tensors: tf.NamedTensorMap): Promise<tf.Tensor> {
    const name = firstOutput(this.contract).name;
    const output = this.#asynchronous
      ? await this.#model.executeAsync(tensors, name)
      : this.#model.execute(tensors, name);
    return output as tf.Tensor;
  }

  async #warmUp(): Promise<void> {
    const blank = Object.fromEntries(
      this.contract.inputs.map((input) => [
        input.name,
        new Array<number | string>(elements(input)).fill(isText(input) ? '' : 0),
      ]),
    );
    try {
      await this.predict(blank);
    } catch (error) {
      // TensorFlow.js finds out what a graph needs only when it compiles it.
      if (!String(error).includes('executeAsync')) throw error;
      this.#asynchronous = true;
      await this.predict(blank);
    }
  }
}

async function loadModel(url: URL): Promise<GraphModel> {
  try {
    return await loadGraphModel(url.href, { fetchFunc: fetchWhole });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The model could not be loaded: ${reason}`, { cause });
  }
}

/** TensorFlow.js would take the text of an error page for weights. */
async function fetchWhole(...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request);
  if (response.ok) return response;
  const name = new URL(response.url).pathname.split('/').at(-1);
  throw new Error(`${name} is missing: the server answered ${response.status}.`);
}

function toTensors(inputs: Inputs, specs: readonly TensorSpec[]): tf.NamedTensorMap {
  const counts = specs.map((spec) => exampleCount(inputs[spec.name], spec));
  if (new Set(counts).size !== 1) {
    throw new Error(`The inputs hold different numbers of examples: ${counts.join(', ')}.`);
  }
  return Object.fromEntries(
    specs.map((spec, index) => [
      spec.name,
      tf.tensor(
        inputs[spec.name] as tf.TensorLike,
        [counts[index]!, ...spec.shape],
        tensorType(spec),
      ),
    ]),
  );
}

function exampleCount(data: TensorData | undefined, spec: TensorSpec): number {
  if (!data) throw new Error(`The input ${spec.name} is missing.`);
  const count = data.length / elements(spec);
  if (!count || !Number.isInteger(count)) {
    throw new Error(
      `The input ${spec.name} has ${data.length} values; ` +
        `an example has ${elements(spec)} (${spec.shape.join(' × ') || 'a scalar'}).`,
    );
  }
  return count;
}

function isText(spec: TensorSpec): boolean {
  return tensorType(spec) === 'string';
}

/** Returns TensorFlow.js' element type; it has one float and one integer type. */
function tensorType(spec: TensorSpec): 'float32' | 'int32' | 'bool' | 'string' {
  if (spec.dtype.startsWith('float')) return 'float32';
  if (spec.dtype.includes('int')) return 'int32';
  if (spec.dtype.startsWith('bool')) return 'bool';
  return 'string';
}
