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
import { type Contract, elements, firstOutput, loadContract } from './contract.ts';
import { elementType, type Inputs, toTensors } from './tensors.ts';

export { BACKENDS, isBackend };
export type { Backend, Inputs };
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
    const tensors = toTensors(tf.tensor, inputs, this.contract.inputs);
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

  /**
   * Returns the names of the kernels that this page has and of those that run when the site's model
   * is loaded and makes a prediction. They are the same in a released site.
   */
  static async kernels(
    base: string | URL,
    backend: Backend,
    inputs: Inputs,
  ): Promise<{ registered: string[]; used: string[] }> {
    const { kernelNames } = await tf.profile(async () => {
      const runner = await Runner.load(base, backend);
      await runner.predict(inputs);
      runner.dispose();
      return [];
    });
    const registered = tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);
    // Among the names that ran are scopes of fused operations, which are no kernels.
    return { registered, used: kernelNames.filter((name) => registered.includes(name)) };
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
        new Array<number | string>(elements(input)).fill(elementType(input) === 'string' ? '' : 0),
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
