/** The engines that a model can run on, and the one that a page starts with. */

/** TensorFlow.js on one of its backends, or LiteRT.js. Each is loaded only when it is chosen. */
export const ENGINES = ['wasm', 'cpu', 'webgl', 'webgpu', 'litert'] as const;
export type Engine = (typeof ENGINES)[number];
export type Backend = Exclude<Engine, 'litert'>;

export const DEFAULT_ENGINE: Engine = 'wasm';

const TITLES: Record<Engine, string> = {
  wasm: 'TensorFlow.js, WebAssembly',
  cpu: 'TensorFlow.js, plain JavaScript',
  webgl: 'TensorFlow.js, WebGL',
  webgpu: 'TensorFlow.js, WebGPU',
  litert: 'LiteRT.js, WebAssembly',
};

/** Returns the engine's name for people. */
export function engineTitle(engine: Engine): string {
  return TITLES[engine];
}

export function isEngine(name: string | null | undefined): name is Engine {
  return (ENGINES as readonly (string | null | undefined)[]).includes(name);
}

/** Returns the engines that this browser may be able to run a model of the site on. */
export function availableEngines(site: { readonly tflite: string | null }): Engine[] {
  return ENGINES.filter((engine) => {
    if (engine === 'litert') return site.tflite !== null;
    if (engine === 'webgpu') return 'gpu' in navigator;
    return true;
  });
}
