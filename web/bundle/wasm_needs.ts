/**
 * Finds the parts of TensorFlow.js' WebAssembly files that a model uses, by running it in them.
 *
 * Both files, with and without SIMD, are run in Node.js, each as on x86 and as on ARM. Then the
 * same is done with the trimmed files, whose answers must be equal to the last bit. This is needed
 * because the browser that checks a release only has SIMD and one kind of processor.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type * as Wasm from '@tensorflow/tfjs-backend-wasm';
import type * as Core from '@tensorflow/tfjs-core';

import { wasmExports, wasmKernels } from '../app/src/wasm_kernels.ts';
import { otherProcessor, probe, ran, trim } from './trim_wasm.ts';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core') as typeof Core;
const backend = require('@tensorflow/tfjs-backend-wasm') as typeof Wasm;

const FOLDER = new URL('../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/', import.meta.url);
export const WASM_FILES = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'] as const;
const THREADED = 'tfjs-backend-wasm-threaded-simd.wasm';

/**
 * The parts of a file that a model needs: exported kernels by name, and table functions by number.
 * All functions of the table are needed if there are no numbers.
 */
export interface WasmNeeds {
  readonly kernels: readonly string[];
  readonly functions: readonly number[] | null;
}

/** Runs the model on the active backend and returns all its answers. */
export type Work = () => Promise<readonly ArrayBufferView[]>;

/**
 * Does the work on the backend with its complete file. Returns the file's kernels that ran, and
 * what `work` returns. Throws what the work throws: the backend may lack a kernel.
 */
export async function onWasm<T>(work: () => Promise<T>): Promise<{ kernels: string[]; result: T }> {
  const name = 'tfjs-backend-wasm-simd.wasm';
  usePath(new URL(name, FOLDER).pathname);
  if (!(await tf.setBackend('wasm'))) throw new Error(`${name} does not start`);
  const result = await work();
  return { kernels: wasmKernels(tf.backend()).used, result };
}

/** Returns these kernels of each file, with all functions that they may call. */
export function allFunctions(kernels: readonly string[]): Record<string, WasmNeeds> {
  return Object.fromEntries(WASM_FILES.map((name) => [name, { kernels, functions: null }]));
}

/**
 * Returns the parts of each file that the work needs. Returns null when the backend cannot do the
 * work, for example because it lacks a kernel; the check of the release reports that.
 */
export async function wasmNeeds(work: Work): Promise<Record<string, WasmNeeds> | null> {
  const needs: Record<string, WasmNeeds> = {};
  const factory = tf.findBackendFactory('wasm');
  const folder = await mkdtemp(join(tmpdir(), 'fanout-wasm-'));
  try {
    for (const name of WASM_FILES) {
      const file = new Uint8Array(await readFile(new URL(name, FOLDER)));
      const kernels = new Set<string>();
      const functions = new Set<number>();
      const answers: Buffer[] = [];
      for (const variant of processors(file)) {
        await start(probe(variant), name, folder, factory);
        try {
          answers.push(bytes(await work()));
        } catch {
          return null;
        }
        for (const kernel of wasmKernels(tf.backend()).used) kernels.add(kernel);
        for (const index of ran(wasmExports(tf.backend()))) functions.add(index);
      }
      const trimmed = processors(trim(file, kernels, functions));
      for (const [index, variant] of trimmed.entries()) {
        await start(variant, name, folder, factory);
        if (!bytes(await work()).equals(answers[index]!)) {
          throw new Error(`the model gives different answers with a trimmed ${name}`);
        }
      }
      needs[name] = {
        kernels: [...kernels].sort(),
        functions: [...functions].sort((a, b) => a - b),
      };
    }
  } finally {
    tf.removeBackend('wasm');
    await rm(folder, { recursive: true });
  }
  return needs;
}

function processors(file: Uint8Array): Uint8Array[] {
  return [file, otherProcessor(file)].filter((each) => each !== null);
}

function bytes(answers: readonly ArrayBufferView[]): Buffer {
  return Buffer.concat(answers.map((each) => new Uint8Array(each.buffer, each.byteOffset, each.byteLength)));
}

/** Starts the backend again, with this file, and makes it the active one. */
async function start(
  file: Uint8Array,
  name: (typeof WASM_FILES)[number],
  folder: string,
  factory: () => Core.KernelBackend | Promise<Core.KernelBackend>,
): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, file);
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory);
  usePath(path);
  if (!(await tf.setBackend('wasm'))) throw new Error(`${name} does not start`);
}

/** Whichever file the backend takes for this Node.js, it is given this one. */
function usePath(path: string): void {
  backend.setWasmPaths(Object.fromEntries([...WASM_FILES, THREADED].map((each) => [each, path])));
}
