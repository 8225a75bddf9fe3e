import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Plugin } from 'vite';
import { expect, test } from 'vitest';

import { lean } from '../../bundle/lean.ts';

const PACKAGES = new URL('../../node_modules/@tensorflow/', import.meta.url);
const NEEDS = {
  operations: ['Relu', 'MatMul'],
  kernels: ['Relu', 'Mean'],
  wasm: null,
  roles: ['binary', 'multi_label'],
  pictures: false,
  fields: true,
};

/** What the plugin makes of a file of TensorFlow.js, beside what the file is. */
async function cut(name: string): Promise<{ before: string; after: string | null }> {
  const plugin = lean(NEEDS) as Plugin & { buildStart: Hook; transform: Hook };
  const id = fileURLToPath(new URL(name, PACKAGES));
  const index = fileURLToPath(new URL('tfjs-converter/dist/index.js', PACKAGES));
  await plugin.buildStart.call({ resolve: async () => ({ id: index }) });
  const before = readFileSync(id, 'utf8');
  return { before, after: (await plugin.transform.call({}, before, id)) as string | null };
}

type Hook = (this: unknown, ...given: unknown[]) => Promise<unknown>;

const cases = (code: string): string[] =>
  [...code.matchAll(/case '(\w+)'/g)].map(([, name]) => name!);

test('operations: only the wanted ones are described', async () => {
  const { before, after } = await cut('tfjs-converter/dist/operations/op_list/basic_math.js');
  expect(before).toContain("'tfOpName': 'Abs'");
  expect(JSON.parse(/= (\[.*\]);/.exec(after!)![1]!)).toMatchObject([{ tfOpName: 'Relu', category: 'basic_math' }]);
});

test('categories: only those of wanted operations are executed', async () => {
  const { before, after } = await cut('tfjs-converter/dist/operations/operation_executor.js');
  expect(cases(before)).toContain('convolution');
  expect(cases(after!)).toEqual(['basic_math', 'matrices']);
});

test('executors: only wanted operations have a case, and call the functions directly', async () => {
  const { before, after } = await cut('tfjs-converter/dist/operations/executors/basic_math_executor.js');
  expect(cases(before)).toContain('Abs');
  expect(before).toContain('ops = tfOps');
  expect(cases(after!)).toEqual(['Relu']);
  expect(after).toContain('tfOps.relu(');
  expect(after).not.toMatch(/(?<![\w.])ops\./);
});

test.each(['cpu', 'wasm', 'webgl', 'webgpu'])('kernels of %s: only wanted ones are registered', async (name) => {
  const { before, after } = await cut(`tfjs-backend-${name}/dist/register_all_kernels.js`);
  expect(before).toContain('softmaxConfig');
  expect(after).toContain('reluConfig');
  expect(after).not.toContain('softmaxConfig');
});

test('kernels of wasm: those that a kernel calls are set up before it', async () => {
  const { after } = await cut('tfjs-backend-wasm/dist/register_all_kernels.js');
  expect(after).toContain("import { transposeConfig } from './kernels/Transpose';");
  expect(after).toContain('of [transposeConfig, meanConfig]');
});

test.each(['webgl', 'webgpu'])('functions of the CPU backend are imported by name by %s', async (name) => {
  const { before, after } = await cut(`tfjs-backend-${name}/dist/kernel_utils/shared.js`);
  expect(before).toContain('import * as shared');
  expect(after).not.toContain('import *');
  expect(after).toMatch(/^import \{ \w+ as \w+/m);
});

test('threads of wasm are not started', async () => {
  const { before, after } = await cut('tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js');
  expect(before.length).toBeGreaterThan(1000);
  expect(after).toBe('export default {};');
});

test('optimizers are not registered', async () => {
  const { before, after } = await cut('tfjs-core/dist/index.js');
  expect(before).toContain('registerOptimizers();');
  expect(after).not.toMatch(/^registerOptimizers\(\)/m);
});

test('roles: the table has only the wanted ones, which exist by their names', async () => {
  const { before, after } = await cut('../../app/src/roles/table.ts');
  expect(before).toContain("import { detection } from './detection.ts';");
  expect(after).not.toContain('detection');
  for (const role of NEEDS.roles) {
    const line = `import { ${role} } from './${role}.ts';`;
    expect(before).toContain(line);
    expect(after).toContain(line);
  }
  expect(after).toContain('export const ROLES = { binary, multi_label };');
});

test('inputs: only the wanted ways to give them are left', async () => {
  const { before, after } = await cut('../../app/src/inputs/ways.ts');
  const line = "import { renderFields } from './fields.ts';";
  expect(before).toContain(line);
  expect(before).toContain('fields: renderFields, pictures: connectPictures');
  expect(after).toBe(`${line}\nexport const WAYS = { fields: renderFields };`);
});
