/**
 * Corrects two faults of @tensorflow/tfjs-converter in its text, while it is loaded.
 *
 * Both builds of the package get them: the one that Vite bundles into the page (`patched`), and the
 * one that kernels.ts runs in Node.js (`patchRequired`). Another version of the package, or a text
 * that is not there exactly once, is an error: the correction may be wrong or no longer needed.
 */
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { Plugin } from 'vite';

const PACKAGE = '@tensorflow/tfjs-converter';
const VERSION = '4.22.0';
/** The build for Node.js: one file with all modules. */
const COMMON_JS = 'dist/tf-converter.node.js';

interface Patch {
  /** The module's place in the package; the text is the same in the build for Node.js. */
  readonly module: string;
  readonly text: string;
  readonly replacement: string;
}

export const PATCHES: readonly Patch[] = [
  // MatrixBandPart's inputs are the matrix, the lower and the upper bound. The list reads the upper
  // bound from the lower one's place, so a causal mask, whose bounds are -1 and 0, masks nothing.
  {
    module: 'dist/operations/op_list/matrices.js',
    text: "'start': 1,\n                'name': 'numUpper'",
    replacement: "'start': 2,\n                'name': 'numUpper'",
  },
  // At the end of a loop's body its tensors are freed, and with them those that it put into a
  // TensorList: the outputs of a recurrent layer. With a copy, the list holds tensors of its own.
  {
    module: 'dist/operations/executors/control_executor.js',
    text: 'tensorList.setItem(index, writeTensor);',
    replacement: 'tensorList.setItem(index, writeTensor.clone());',
  },
  {
    module: 'dist/operations/executors/control_executor.js',
    text: 'tensorList.pushBack(writeTensor);',
    replacement: 'tensorList.pushBack(writeTensor.clone());',
  },
  // So the list must free what it replaces: nobody else does.
  {
    module: 'dist/executor/tensor_list.js',
    text: 'this.tensors[elementIndex].kept = false;',
    replacement: 'this.tensors[elementIndex].dispose();',
  },
];

/** Returns a module's code with the patches; throws if a text is not there exactly once. */
export function patch(code: string, patches: readonly Patch[]): string {
  return patches.reduce((before, { module, text, replacement }) => {
    const [start, end, ...more] = before.split(text);
    if (end === undefined || more.length) {
      throw new Error(
        `${PACKAGE} ${VERSION} does not have the code in ${module} that web/bundle/patches.ts corrects`,
      );
    }
    return start + replacement + end;
  }, code);
}

/** Throws if a package.json is of a version for which nobody has looked at the patches. */
export function requireKnown(packageJson: string): void {
  const { version } = JSON.parse(packageJson) as { version: string };
  if (version !== VERSION) {
    throw new Error(
      `web/bundle/patches.ts corrects ${PACKAGE} ${VERSION}, but ${version} is installed; ` +
        'look whether each patch is still needed, then set its VERSION',
    );
  }
}

/** A Vite plugin that patches the modules in the bundle. */
export function patched(patches: readonly Patch[] = PATCHES): Plugin {
  const waiting = new Set(patches);
  return {
    name: 'patched-tensorflowjs',
    apply: 'build',
    enforce: 'pre',
    buildStart() {
      requireKnown(readFileSync(inPackage('package.json'), 'utf8'));
    },
    transform(code, id) {
      const module = id.split(`/${PACKAGE}/`)[1]?.split('?')[0];
      const due = patches.filter((each) => each.module === module);
      for (const each of due) waiting.delete(each);
      return due.length ? patch(code, due) : null;
    },
    buildEnd(error) {
      // Another error is the cause, not a module that was not reached because of it.
      const [missing] = error ? [] : waiting;
      if (missing) throw new Error(`${PACKAGE} ${VERSION} does not load ${missing.module}`);
    },
  };
}

/** Patches the build for Node.js, which must not have been loaded yet. */
export function patchRequired(patches: readonly Patch[] = PATCHES): void {
  requireKnown(readFileSync(inPackage('package.json'), 'utf8'));
  const wanted = pathToFileURL(inPackage(COMMON_JS)).href;
  registerHooks({
    load(url, context, next) {
      if (url !== wanted) return next(url, context);
      const source = patch(readFileSync(fileURLToPath(url), 'utf8'), patches);
      return { format: 'commonjs', source, shortCircuit: true };
    },
  });
}

function inPackage(name: string): string {
  return createRequire(import.meta.url).resolve(`${PACKAGE}/${name}`);
}
