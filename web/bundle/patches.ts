/**
 * Corrects the code of TensorFlow.js, in its text, while it is loaded.
 *
 * Two faults are in @tensorflow/tfjs-converter. Both builds of it get them: the one that Vite
 * bundles into the page (`patched`), and the one that kernels.ts runs in Node.js (`patchRequired`).
 * The page's build of @tensorflow/tfjs-backend-wasm loses a copy that takes long.
 *
 * Another version of a package, or a text that is not there exactly once, is an error: the
 * correction may be wrong or no longer needed.
 */
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { Plugin } from 'vite';

const CONVERTER = '@tensorflow/tfjs-converter';
const WASM = '@tensorflow/tfjs-backend-wasm';
const VERSION = '4.22.0';
/** The converter's build for Node.js: one file with all modules, with the same texts. */
const COMMON_JS = 'dist/tf-converter.node.js';

export interface Patch {
  readonly package: typeof CONVERTER | typeof WASM;
  /** The module's place in the package. */
  readonly module: string;
  readonly text: string;
  readonly replacement: string;
}

export const PATCHES: readonly Patch[] = [
  // MatrixBandPart's inputs are the matrix, the lower and the upper bound. The list reads the upper
  // bound from the lower one's place, so a causal mask, whose bounds are -1 and 0, masks nothing.
  {
    package: CONVERTER,
    module: 'dist/operations/op_list/matrices.js',
    text: "'start': 1,\n                'name': 'numUpper'",
    replacement: "'start': 2,\n                'name': 'numUpper'",
  },
  // At the end of a loop's body its tensors are freed, and with them those that it put into a
  // TensorList: the outputs of a recurrent layer. With a copy, the list holds tensors of its own.
  {
    package: CONVERTER,
    module: 'dist/operations/executors/control_executor.js',
    text: 'tensorList.setItem(index, writeTensor);',
    replacement: 'tensorList.setItem(index, writeTensor.clone());',
  },
  {
    package: CONVERTER,
    module: 'dist/operations/executors/control_executor.js',
    text: 'tensorList.pushBack(writeTensor);',
    replacement: 'tensorList.pushBack(writeTensor.clone());',
  },
  // So the list must free what it replaces: nobody else does.
  {
    package: CONVERTER,
    module: 'dist/executor/tensor_list.js',
    text: 'this.tensors[elementIndex].kept = false;',
    replacement: 'this.tensors[elementIndex].dispose();',
  },
  // For each part that it cuts out, the kernel copied the whole tensor out of WebAssembly's memory
  // first: splitting 32 steps of 256 numbers took 1.3 ms. Making the output may move that memory.
  {
    package: WASM,
    module: 'dist/kernels/Slice.js',
    text: `const xVals = backend.readSync(x.dataId);
    const out = backend.makeOutput(size_, x.dtype);`,
    replacement: `const out = backend.makeOutput(size_, x.dtype);
    const xVals = x.dtype === 'string' ? backend.readSync(x.dataId) : backend.typedArrayFromHeap(x);`,
  },
];

/** Returns a module's code with the patches; throws if a text is not there exactly once. */
export function patch(code: string, patches: readonly Patch[]): string {
  return patches.reduce((before, { package: name, module, text, replacement }) => {
    const [start, end, ...more] = before.split(text);
    if (end === undefined || more.length) {
      throw new Error(
        `${name} ${VERSION} does not have the code in ${module} that web/bundle/patches.ts corrects`,
      );
    }
    return start + replacement + end;
  }, code);
}

/** Throws if a package.json is of a version for which nobody has looked at the patches. */
export function requireKnown(packageJson: string): void {
  const { name, version } = JSON.parse(packageJson) as { name: string; version: string };
  if (version !== VERSION) {
    throw new Error(
      `web/bundle/patches.ts corrects ${name} ${VERSION}, but ${version} is installed; ` +
        'look whether each patch is still needed, then set its VERSION',
    );
  }
}

/** A Vite plugin that patches the modules in the bundle. */
export function patched(patches: readonly Patch[] = PATCHES): Plugin {
  // A page has only the kernels that its model needs.
  const waiting = new Set(patches.filter((each) => each.package === CONVERTER));
  return {
    name: 'patched-tensorflowjs',
    apply: 'build',
    enforce: 'pre',
    buildStart() {
      requireInstalled(patches);
    },
    transform(code, id) {
      const due = patches.filter((each) =>
        id.split('?')[0]!.endsWith(`/${each.package}/${each.module}`),
      );
      for (const each of due) waiting.delete(each);
      return due.length ? patch(code, due) : null;
    },
    buildEnd(error) {
      // Another error is the cause, not a module that was not reached because of it.
      const [missing] = error ? [] : waiting;
      if (missing) throw new Error(`${missing.package} ${VERSION} does not load ${missing.module}`);
    },
  };
}

/** Patches the converter's build for Node.js, which must not have been loaded yet. */
export function patchRequired(patches: readonly Patch[] = PATCHES): void {
  const due = patches.filter((each) => each.package === CONVERTER);
  requireInstalled(due);
  const wanted = pathToFileURL(resolve(`${CONVERTER}/${COMMON_JS}`)).href;
  registerHooks({
    load(url, context, next) {
      if (url !== wanted) return next(url, context);
      const source = patch(readFileSync(fileURLToPath(url), 'utf8'), due);
      return { format: 'commonjs', source, shortCircuit: true };
    },
  });
}

function requireInstalled(patches: readonly Patch[]): void {
  for (const name of new Set(patches.map((each) => each.package))) {
    requireKnown(readFileSync(resolve(`${name}/package.json`), 'utf8'));
  }
}

function resolve(file: string): string {
  return createRequire(import.meta.url).resolve(file);
}
