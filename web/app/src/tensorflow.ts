/** Runs a graph model with TensorFlow.js. */
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';

import { activate, preload } from './backends.ts';
import { type Contract, elements } from './contract.ts';
import type { Backend } from './engines.ts';
import type { Executor, Memory } from './executor.ts';
import { requireAnswer } from './http.ts';
import { elementType, type Inputs, type Outputs, typed } from './inputs.ts';
import { pause } from './pause.ts';
import { toTensors } from './tensors.ts';
import { follow, type Operation } from './trace.ts';
import { wasmKernels } from './wasm_kernels.ts';

export { preload };

export class TensorFlowExecutor implements Executor {
  readonly version = `TensorFlow.js ${tf.version_core}`;
  readonly #contract: Contract;
  readonly #backend: Backend;
  readonly #model: GraphModel;
  /** Whether the graph has lookup tables or control flow, which only run asynchronously. */
  #asynchronous = false;

  private constructor(contract: Contract, backend: Backend, model: GraphModel) {
    this.#contract = contract;
    this.#backend = backend;
    this.#model = model;
  }

  /** Returns an executor that has made its first prediction. */
  static async load(url: URL, contract: Contract, backend: Backend): Promise<TensorFlowExecutor> {
    const model = await loadModel(url, activate(backend));
    const executor = new TensorFlowExecutor(contract, backend, model);
    await pause();
    try {
      await executor.#warmUp();
    } catch (error) {
      executor.dispose();
      throw error;
    }
    return executor;
  }

  memory(): Memory {
    const { numTensors, numBytes } = tf.memory();
    return { tensors: numTensors, bytes: numBytes };
  }

  async run(inputs: Inputs): Promise<Outputs> {
    if (tf.getBackend() !== this.#backend) {
      throw new Error(`The active backend is ${tf.getBackend()}, this runner needs ${this.#backend}.`);
    }
    const tensors = toTensors(tf.tensor, inputs, this.#contract.inputs);
    try {
      const outputs = await this.#execute(tensors);
      try {
        const data = await Promise.all(outputs.map((output) => output.data()));
        // The cpu backend casts a tensor by giving it another type: its numbers stay bytes.
        return Object.fromEntries(
          this.#contract.outputs.map((spec, index) => [spec.name, typed(data[index]!, spec)]),
        );
      } finally {
        tf.dispose(outputs);
      }
    } finally {
      tf.dispose(tensors);
    }
  }

  dispose(): void {
    this.#model.dispose();
  }

  /** Returns the outputs in the contract's order. */
  async #execute(tensors: tf.NamedTensorMap): Promise<tf.Tensor[]> {
    const names = this.#contract.outputs.map(({ name }) => name);
    const outputs = this.#asynchronous
      ? await this.#model.executeAsync(tensors, names)
      : this.#model.execute(tensors, names);
    // A single output comes without an array.
    return [outputs].flat();
  }

  async #warmUp(): Promise<void> {
    const blank = Object.fromEntries(
      this.#contract.inputs.map((input) => [
        input.name,
        new Array<number | string>(elements(input)).fill(elementType(input) === 'string' ? '' : 0),
      ]),
    );
    try {
      await this.run(blank);
    } catch (error) {
      // TensorFlow.js finds out what a graph needs only when it compiles it.
      if (!String(error).includes('executeAsync')) throw error;
      this.#asynchronous = true;
      await this.run(blank);
    }
  }
}

/**
 * Returns the names of the kernels that this page has for a backend, and of those that `work` runs.
 * The names of kernels in the WebAssembly file end with its suffix.
 */
export async function profileKernels(
  backend: Backend,
  work: () => Promise<void>,
): Promise<{ registered: string[]; used: string[] }> {
  const { kernelNames } = await tf.profile(async () => {
    await work();
    return [];
  });
  const registered = tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);
  const wasm = backend === 'wasm' ? wasmKernels(tf.backend()) : { exported: [], used: [] };
  const ofFile = (name: string): string => `${name}.wasm`;
  return {
    registered: [...registered, ...wasm.exported.map(ofFile)],
    // The names that ran include scopes of fused operations, which are not kernels.
    used: [...kernelNames.filter((name) => registered.includes(name)), ...wasm.used.map(ofFile)],
  };
}

/** Makes a prediction; `started` is called with each operation just before it is executed. */
export async function traceOperations(
  url: URL,
  contract: Contract,
  backend: Backend,
  inputs: Inputs,
  started: (operation: Operation) => void,
): Promise<void> {
  const model = await loadModel(url, activate(backend));
  follow(model, started);
  const tensors = toTensors(tf.tensor, inputs, contract.inputs);
  const outputs = await model.executeAsync(tensors, contract.outputs.map(({ name }) => name));
  await Promise.all([outputs].flat().map((output) => output.data()));
}

/** Downloads the weights while the backend starts, and puts them into it. */
async function loadModel(url: URL, backend: Promise<void>): Promise<GraphModel> {
  const artifacts = download(url);
  // If both fail, the backend's error says more than the model's.
  artifacts.catch(() => undefined);
  await backend;
  try {
    const loaded = await artifacts;
    await pause();
    return await loadGraphModel({ load: () => Promise.resolve(loaded) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The model could not be loaded: ${reason}`, { cause });
  }
}

async function download(url: URL): Promise<tf.io.ModelArtifacts> {
  return tf.io.browserHTTPRequest(url.href, { fetchFunc: fetchWhole }).load!();
}

/** Throws for an error page: TensorFlow.js would take its text for weights. */
async function fetchWhole(...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request);
  requireAnswer(response);
  return response;
}
