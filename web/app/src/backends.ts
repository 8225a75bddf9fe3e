/** The TensorFlow.js backends, each one loaded only when it is chosen. */
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import * as tf from '@tensorflow/tfjs-core';

import type { Backend } from './engines.ts';

/** Makes a backend the active one. Throws when this browser cannot run it. */
export async function activate(backend: Backend): Promise<void> {
  try {
    await MODULES[backend]();
  } catch (cause) {
    // After a promotion, the server no longer has the files that the open page was built with.
    const advice = 'If the site was updated, reload the page.';
    throw new Error(`The ${backend} backend could not be loaded. ${advice}`, { cause });
  }
  let ready = false;
  let cause: unknown;
  try {
    ready = await tf.setBackend(backend);
  } catch (error) {
    cause = error;
  }
  if (!ready) throw new Error(`This browser cannot run the ${backend} backend.`, { cause });
}

/** Fetches a backend's code in advance, while something else is being loaded. */
export async function preload(backend: Backend): Promise<void> {
  await MODULES[backend]();
}

const MODULES: Record<Backend, () => Promise<void>> = {
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
  },
  webgl: async () => {
    await import('@tensorflow/tfjs-backend-webgl');
  },
  webgpu: async () => {
    await import('@tensorflow/tfjs-backend-webgpu');
  },
  wasm: async () => {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    // Threads start workers from blob: scripts, which the content security policy forbids; a model
    // of this size gains nothing from them.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    wasm.setWasmPaths({
      'tfjs-backend-wasm.wasm': plain,
      'tfjs-backend-wasm-simd.wasm': simd,
      // The backend wants a path for this name, but never loads it without threads.
      'tfjs-backend-wasm-threaded-simd.wasm': simd,
    });
  },
};
