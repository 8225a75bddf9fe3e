/** The kernels in the WebAssembly file of TensorFlow.js' wasm backend. */

interface Module extends Record<string, unknown> {
  readonly asm: Readonly<Record<string, unknown>>;
}

/** Returns whether an export is a kernel; the others are for memory, tensors and Emscripten. */
export function isKernel(name: string): boolean {
  return /^_?[A-Z]/.test(name);
}

/** Returns the exports of the active backend's file, by name. */
export function wasmExports(active: unknown): Module['asm'] {
  return (active as { wasm: Module }).wasm.asm;
}

/** Returns the kernels that the active backend's file exports, and those that have been called. */
export function wasmKernels(active: unknown): { exported: string[]; used: string[] } {
  const { wasm } = active as { wasm: Module };
  const exported = Object.keys(wasm.asm).filter(isKernel);
  // At its first call, a kernel replaces the function of Emscripten's module that forwards to it.
  return { exported, used: exported.filter((name) => wasm[`_${name}`] === wasm.asm[name]) };
}
