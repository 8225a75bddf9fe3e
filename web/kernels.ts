/**
 * Finds out which operations and kernels a converted model needs: kernels.ts SITE NEEDS.json
 *
 * The operations are read from model.json. The kernels are those that really run when the complete
 * TensorFlow.js executes the site's sample inputs here in Node.js, singly and as a batch: which
 * kernels an operation calls is written nowhere else than in its code.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type * as Converter from '@tensorflow/tfjs-converter';
import type * as Core from '@tensorflow/tfjs-core';

import { type Contract, flatten } from './app/src/contract.ts';
import { toTensors } from './app/src/tensors.ts';
import type { Needs } from './lean.ts';

// The packages' builds for Node.js are CommonJS.
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core') as typeof Core;
const converter = require('@tensorflow/tfjs-converter') as typeof Converter;
require('@tensorflow/tfjs-backend-cpu');
// Otherwise it prints advertisements of its Node.js backend, and advice that does not apply.
tf.env().set('IS_TEST', true);

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

const [site, output] = process.argv.slice(2) as [string, string];
const model = JSON.parse(await readFile(join(site, 'model', 'model.json'), 'utf8')) as ModelJson;
const needs: Needs = {
  operations: operationsOf(model),
  kernels: await kernelsOf(model),
};
await writeFile(output, JSON.stringify(needs));

function operationsOf({ modelTopology, modelInitializer }: ModelJson): string[] {
  const names = [modelTopology, modelInitializer ?? {}].flatMap((graph) => [
    ...(graph.node ?? []),
    ...(graph.library?.function ?? []).flatMap((body) => body.nodeDef ?? []),
  ]);
  return [...new Set(names.map((node) => node.op))].sort();
}

async function kernelsOf(json: ModelJson): Promise<string[]> {
  await tf.setBackend('cpu');
  const contract = JSON.parse(await readFile(join(site, 'contract.json'), 'utf8')) as Contract;
  const golden = JSON.parse(await readFile(join(site, 'golden.json'), 'utf8')) as {
    examples: { inputs: Record<string, unknown> }[];
  };
  const registered = new Set(tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName));
  const used = new Set<string>();
  for (const count of [1, 2]) {
    const examples = golden.examples.slice(0, count);
    const inputs = Object.fromEntries(
      contract.inputs.map(({ name }) => [
        name,
        examples.flatMap((example) => flatten(example.inputs[name])),
      ]),
    );
    // Loading runs kernels as well: it fills tables.
    const { kernelNames } = await tf.profile(async () => {
      const graph = await converter.loadGraphModel({ load: () => artifacts(json) });
      const tensors = toTensors(tf.tensor, inputs, contract.inputs);
      return (await graph.executeAsync(tensors, contract.outputs[0]!.name)) as Core.Tensor;
    });
    // Among the names are scopes of fused operations, which are no kernels.
    for (const name of kernelNames) if (registered.has(name)) used.add(name);
  }
  return [...used].sort();
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
