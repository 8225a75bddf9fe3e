/** Runs the device's own .tflite file with LiteRT.js. */
import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';
import { version } from '@litertjs/core/package.json';
// Of its four builds, this one runs in every browser; the others need relaxed SIMD or threads.
import glue from '@litertjs/core/wasm/litert_wasm_compat_internal.js?url';
import wasm from '@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url';

import { type Contract, elements, type TensorSpec } from './contract.ts';
import type { Executor, Memory } from './executor.ts';
import { requireAnswer } from './http.ts';
import { exampleCount, type Inputs, type OutputData, type Outputs, type TensorData, typed } from './inputs.ts';

export class LiteRtExecutor implements Executor {
  readonly version = `LiteRT.js ${version}`;
  readonly #contract: Contract;
  readonly #model: CompiledModel;
  readonly #heap: () => number;
  #tensors = 0;

  private constructor(contract: Contract, model: CompiledModel, heap: () => number) {
    this.#contract = contract;
    this.#model = model;
    this.#heap = heap;
  }

  static async load(url: URL, contract: Contract): Promise<LiteRtExecutor> {
    const unsupported = [...contract.inputs, ...contract.outputs].find(({ dtype }) => !TYPES[dtype]);
    if (unsupported) {
      const { name, dtype } = unsupported;
      const known = Object.keys(TYPES).join(', ');
      throw new Error(`LiteRT.js has tensors of ${known}, but ${name} is of ${dtype}.`);
    }
    const [runtime, file] = await Promise.all([start(), download(url)]);
    const model = await loadAndCompile(file, { accelerator: 'wasm' });
    const executor = new LiteRtExecutor(contract, model, () => runtime.liteRtWasm.HEAPU8.length);
    const blank = contract.inputs.map((input) => [input.name, new Array(elements(input)).fill(0)]);
    await executor.run(Object.fromEntries(blank) as Inputs);
    return executor;
  }

  memory(): Memory {
    return { tensors: this.#tensors, bytes: this.#heap() };
  }

  /** Runs one example after another: the file's shapes are fixed. */
  async run(inputs: Inputs): Promise<Outputs> {
    const count = exampleCount(inputs, this.#contract.inputs);
    const outputs: Record<string, OutputData> = {};
    for (let index = 0; index < count; index++) {
      for (const [spec, values] of await this.#one(inputs, index)) {
        outputs[spec.name] ??= typed(new Float32Array(count * values.length), spec);
        outputs[spec.name]!.set(values, index * values.length);
      }
    }
    return outputs;
  }

  dispose(): void {
    this.#model.delete();
  }

  async #one(inputs: Inputs, index: number): Promise<[TensorSpec, OutputData][]> {
    const tensors: Record<string, Tensor> = {};
    // By the names in the file's signature, which are the SavedModel's.
    let outputs: Record<string, Tensor> = {};
    try {
      for (const input of this.#contract.inputs) {
        tensors[input.name] = this.#tensor(inputs[input.name]!, input, index);
      }
      outputs = await this.#model.run(tensors);
      this.#tensors += Object.keys(outputs).length;
      const read = async (spec: TensorSpec): Promise<[TensorSpec, OutputData]> => [
        spec,
        typed((await outputs[spec.name]!.data()) as OutputData, spec),
      ];
      return await Promise.all(this.#contract.outputs.map(read));
    } finally {
      for (const tensor of [...Object.values(tensors), ...Object.values(outputs)]) {
        tensor.delete();
        this.#tensors -= 1;
      }
    }
  }

  #tensor(data: TensorData, spec: TensorSpec, index: number): Tensor {
    const size = elements(spec);
    const values = data.slice(index * size, (index + 1) * size) as ArrayLike<number>;
    const tensor = new Tensor(TYPES[spec.dtype]!.from(values), [1, ...spec.shape]);
    this.#tensors += 1;
    return tensor;
  }
}

// The types for which LiteRT.js has tensors.
const TYPES: Record<string, typeof Float32Array | typeof Int32Array | typeof Uint8Array> = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
};

type Runtime = Awaited<ReturnType<typeof loadLiteRt>>;
let runtime: Promise<Runtime> | undefined;

/** Starts the runtime once per page; after a failure, the start can be tried again. */
function start(): Promise<Runtime> {
  runtime ??= load().catch((cause: unknown) => {
    runtime = undefined;
    const advice = 'If the site was updated, reload the page.';
    throw new Error(`LiteRT.js could not be loaded. ${advice}`, { cause });
  });
  return runtime;
}

async function load(): Promise<Runtime> {
  const address = new URL(import.meta.url);
  // LiteRT.js' loader would look beside itself for a name without a hash. It uses this object.
  const page = globalThis as { Module?: unknown };
  page.Module = { locateFile: () => new URL(wasm, address).href, print: ignore, printErr: ignore };
  return loadLiteRt(new URL(glue, address).href);
}

/** At each start, LiteRT.js reports which delegate it uses. */
function ignore(): void {
  // Failures arrive as exceptions.
}

async function download(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  requireAnswer(response);
  return new Uint8Array(await response.arrayBuffer());
}
