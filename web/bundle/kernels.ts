/**
 * Finds out which operations and kernels a converted model needs: kernels.ts SITE NEEDS.json RUNNING
 *
 * The operations are read from model.json. The kernels are those that really run when the complete
 * TensorFlow.js executes the site's sample inputs here in Node.js: only an operation's code says
 * which kernels it calls, and they are the same on every backend. This is done on the fastest one,
 * wasm, and on cpu for models that wasm cannot run.
 *
 * The parts of TensorFlow.js' WebAssembly files that run are found in the same way, with batches of
 * many sizes (wasm_needs.ts). A large network would take minutes for that, and a hundred kilobytes
 * are little beside its weights: its page keeps all functions that kernels call indirectly.
 *
 * While an operation runs, it is in the file RUNNING: if it never ends, or ends this process, it is
 * known nevertheless.
 */
import { openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type * as Converter from '@tensorflow/tfjs-converter';
import type * as Core from '@tensorflow/tfjs-core';

import { type Contract, flatten } from '../app/src/contract.ts';
import { toTensors } from '../app/src/tensors.ts';
import { follow } from '../app/src/trace.ts';
import type { Needs } from './lean.ts';
import { patchRequired } from './patches.ts';
import { allFunctions, onWasm, wasmNeeds } from './wasm_needs.ts';

// The packages' builds for Node.js are CommonJS.
const require = createRequire(import.meta.url);
patchRequired();
const tf = require('@tensorflow/tfjs-core') as typeof Core;
const converter = require('@tensorflow/tfjs-converter') as typeof Converter;
require('@tensorflow/tfjs-backend-cpu');
// Otherwise it prints advertisements for its Node.js backend, and advice that does not apply.
tf.enableProdMode();
// XNNPACK has functions for a single row and for several, at most six of them at once.
const BATCHES = [1, 2, 3, 4, 5, 6, 7, 8];
// The bytes that one example takes between the layers of a large network. MobileNets for pictures of
// 224 x 224 have more.
const LARGE = 16 * 2 ** 20;

interface GraphNode {
  readonly op: string;
}
interface Graph {
  readonly node?: readonly GraphNode[];
  readonly library?: { readonly function?: readonly { readonly nodeDef?: readonly GraphNode[] }[] };
}
interface ModelJson {
  readonly modelTopology: Graph;
  readonly modelInitializer?: Graph;
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: Core.io.WeightsManifestEntry[];
  }[];
}

const [site, output, running] = process.argv.slice(2) as [string, string, string];
const runningFile = openSync(running, 'w');
const model = JSON.parse(await readFile(join(site, 'model', 'model.json'), 'utf8')) as ModelJson;
const contract = JSON.parse(await readFile(join(site, 'contract.json'), 'utf8')) as Contract;
const golden = JSON.parse(await readFile(join(site, 'golden.json'), 'utf8')) as {
  examples: { inputs: Record<string, unknown> }[];
};
try {
  const { kernels, bytes, wasm } = await profile();
  const needs: Needs = {
    operations: operationsOf(model),
    kernels,
    wasm: wasm && (bytes > LARGE ? allFunctions(wasm) : await wasmNeeds(() => answers(model, BATCHES))),
    roles: [...new Set(contract.outputs.map(({ role }) => role))],
    pictures: contract.inputs.some(({ kind }) => kind === 'image'),
    fields: contract.inputs.some(({ kind }) => kind !== 'image'),
  };
  await writeFile(output, JSON.stringify(needs));
} catch (error) {
  // The reason for the user, without the place in this code.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function operationsOf({ modelTopology, modelInitializer }: ModelJson): string[] {
  const names = [modelTopology, modelInitializer ?? {}].flatMap((graph) => [
    ...(graph.node ?? []),
    ...(graph.library?.function ?? []).flatMap((body) => body.nodeDef ?? []),
  ]);
  return [...new Set(names.map((node) => node.op))].sort();
}

interface Profile {
  readonly kernels: string[];
  /** The bytes that one example takes between the layers. */
  readonly bytes: number;
  /** The kernels in the WebAssembly file; null for a model that runs only on cpu. */
  readonly wasm: string[] | null;
}

/** Returns what runs for one example and for a batch of two. */
async function profile(): Promise<Profile> {
  try {
    const { kernels, result } = await onWasm(run);
    return { ...result, wasm: kernels };
  } catch {
    await tf.setBackend('cpu');
    return { ...(await run()), wasm: null };
  }
}

async function run(): Promise<Pick<Profile, 'kernels' | 'bytes'>> {
  const registered = new Set(tf.getKernelsForBackend(tf.getBackend()).map(({ kernelName }) => kernelName));
  // Loading runs kernels as well: it fills lookup tables.
  const { kernelNames, kernels } = await tf.profile(async () => {
    await answers(model, [1, 2]);
    return [];
  });
  const bytes = kernels.reduce((sum, { bytesAdded }) => sum + Math.max(0, bytesAdded), 0) / 3;
  // The names include scopes of fused operations, which are not kernels.
  return { kernels: kernelNames.filter((name) => registered.has(name)).sort(), bytes };
}

/** Loads the model and returns all its outputs for batches of samples, of the sizes in `batches`. */
async function answers(json: ModelJson, batches: readonly number[]): Promise<ArrayBufferView[]> {
  const graph = await converter.loadGraphModel({ load: () => artifacts(json) });
  follow(graph, (operation) => writeRunning({ engine: tf.getBackend(), ...operation }));
  const names = contract.outputs.map(({ name }) => name);
  const values: ArrayBufferView[] = [];
  for (const count of batches) {
    const examples = Array.from(
      { length: count },
      (_, index) => golden.examples[index % golden.examples.length]!,
    );
    const inputs = Object.fromEntries(
      contract.inputs.map(({ name }) => [
        name,
        examples.flatMap((example) => flatten(example.inputs[name])),
      ]),
    );
    const tensors = toTensors(tf.tensor, inputs, contract.inputs);
    // A single output comes without an array.
    const outputs = [await graph.executeAsync(tensors, names)].flat();
    for (const output of outputs) values.push(await output.data());
    tf.dispose(tensors);
    tf.dispose(outputs);
  }
  graph.dispose();
  writeRunning(null);
  return values;
}

/** Puts one line at the beginning of the file; the rest of it is what earlier lines left. */
function writeRunning(operation: object | null): void {
  writeSync(runningFile, `${JSON.stringify(operation)}\n`, 0);
}

async function artifacts(json: ModelJson): Promise<Core.io.ModelArtifacts> {
  const files = json.weightsManifest.flatMap((group) => group.paths);
  const shards = await Promise.all(files.map((name) => readFile(join(site, 'model', name))));
  const weights = Buffer.concat(shards);
  return {
    ...(json as Core.io.ModelArtifacts),
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
  };
}
