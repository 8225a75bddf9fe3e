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

/** Returns the engine's name for display. */
export function engineTitle(engine: Engine): string {
  return TITLES[engine];
}

export function isEngine(name: string | null | undefined): name is Engine {
  return (ENGINES as readonly (string | null | undefined)[]).includes(name);
}

/** Returns the engines that this browser can run a model of the site on. */
export async function availableEngines(site: { readonly tflite: string | null }): Promise<Engine[]> {
  const gpu = await hasGpu();
  return ENGINES.filter((engine) => {
    if (engine === 'litert') return site.tflite !== null;
    return engine !== 'webgpu' || gpu;
  });
}

/** Browsers with WebGPU still do not offer it when the device or its driver is not suitable. */
async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  try {
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}
