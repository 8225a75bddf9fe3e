import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import type * as Converter from '@tensorflow/tfjs-converter';
import type * as Core from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { PATCHES, type Patch, patch, patched, patchRequired, requireKnown } from '../../bundle/patches.ts';

const MODULES = new URL('../../node_modules/', import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, MODULES));
const text = (name: string): string => readFileSync(path(name), 'utf8');

const CONVERTER = '@tensorflow/tfjs-converter';
const COMMON_JS = `${CONVERTER}/dist/tf-converter.node.js`;
const fileOf = (one: Patch): string => `${one.package}/${one.module}`;

test.each(PATCHES)('$text is in one place, and corrected', (one) => {
  for (const file of [fileOf(one), ...(one.package === CONVERTER ? [COMMON_JS] : [])]) {
    const [before, after] = [text(file), patch(text(file), [one])];
    const added = one.replacement.length - one.text.length;
    expect(after.length - before.length).toBe(added);
    // What is corrected is not corrected again.
    expect(() => patch(after, [one])).toThrow('does not have the code');
  }
});

test('code that is not there, or twice, is an error', () => {
  const [one] = PATCHES;
  expect(() => patch('', [one!])).toThrow(one!.module);
  expect(() => patch(one!.text + one!.text, [one!])).toThrow(one!.module);
});

test.each([...new Set(PATCHES.map((each) => each.package))])(
  'another version of %s is an error',
  (name) => {
    const json = text(`${name}/package.json`);
    requireKnown(json);
    const other = JSON.stringify({ ...JSON.parse(json), version: '4.23.0' });
    expect(() => requireKnown(other)).toThrow(`corrects ${name} 4.22.0, but 4.23.0 is installed`);
  },
);

test('the plugin patches the modules, and misses one of those that each page has', () => {
  const plugin = patched() as unknown as Record<string, (...given: unknown[]) => unknown>;
  const missing = (): unknown => plugin.buildEnd!();
  const kernels = PATCHES.filter((each) => each.package !== CONVERTER).map(fileOf);
  for (const file of new Set([...kernels, ...PATCHES.map(fileOf)])) {
    expect(missing).toThrow('does not load');
    const code = plugin.transform!(text(file), `${path(file)}?v=1`) as string;
    for (const each of PATCHES.filter((other) => fileOf(other) === file)) {
      expect(code.includes(each.text)).toBe(false);
      expect(code).toContain(each.replacement);
    }
  }
  expect(missing).not.toThrow();
  expect(plugin.transform!('', path(`${CONVERTER}/dist/index.js`))).toBeNull();
});

test('the build for Node.js is patched while it is loaded: a causal mask masks', async () => {
  const require = createRequire(import.meta.url);
  patchRequired();
  const { loadGraphModel } = require('@tensorflow/tfjs-converter') as typeof Converter;
  const tf = require('@tensorflow/tfjs-core') as typeof Core;
  require('@tensorflow/tfjs-backend-cpu');
  const bounds = ['lower', 'upper'].map((name) => ({ name, shape: [], dtype: 'int32' as const }));
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } },
    ...bounds.map(({ name }) => ({ name, op: 'Const', attr: { dtype: { type: 'DT_INT32' } } })),
    { name: 'y', op: 'MatrixBandPart', input: ['x', 'lower', 'upper'], attr: {} },
  ];
  const model = await loadGraphModel({
    load: async () => ({
      modelTopology: { node, versions: { producer: 1 } },
      weightSpecs: bounds,
      weightData: new Int32Array([-1, 0]).buffer,
    }),
  });
  const masked = model.execute({ x: tf.ones([3, 3]) }, 'y') as Core.Tensor;
  expect(masked.arraySync()).toEqual([
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
  ]);
});
