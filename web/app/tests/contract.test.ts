import { afterEach, expect, test, vi } from 'vitest';

import {
  type Contract,
  elements,
  flatten,
  imageInput,
  loadContract,
  loadExamples,
} from '../src/contract.ts';

const BASE = new URL('https://example.test/some/prefix/');
const IMAGE = {
  name: 'image',
  dtype: 'float32',
  shape: [2, 2, 1],
  description: '',
  minimum: 0,
  maximum: 255,
  kind: 'image',
};
const CONTRACT: Contract = {
  schema: 1,
  model: 'tiny',
  title: 'Tiny',
  description: '',
  version: 3,
  inputs: [IMAGE],
  outputs: [
    {
      ...IMAGE,
      name: 'probabilities',
      shape: [2],
      kind: 'tensor',
      role: 'classification',
      labels: ['a', 'b'],
      unit: '',
      threshold: 0.5,
      part: '',
    },
  ],
  labels: ['a', 'b'],
};

function answer(body: string, status = 200): string[] {
  const requested: string[] = [];
  vi.stubGlobal('fetch', async (url: URL) => {
    requested.push(url.href);
    return new Response(body, { status });
  });
  return requested;
}

afterEach(() => vi.unstubAllGlobals());

test('the contract is read relative to the site', async () => {
  const requested = answer(JSON.stringify(CONTRACT));
  expect(await loadContract(BASE)).toEqual(CONTRACT);
  expect(requested).toEqual(['https://example.test/some/prefix/contract.json']);
});

test('problems with a contract are reported', async () => {
  answer('<html>', 200);
  await expect(loadContract(BASE)).rejects.toThrow('contract.json is not JSON');
  answer('', 404);
  await expect(loadContract(BASE)).rejects.toThrow('contract.json is missing: the server answered 404');
  answer('{"schema": 2}');
  await expect(loadContract(BASE)).rejects.toThrow('has schema 2; this page reads schema 1');
  answer('{"schema": 1, "inputs": []}');
  await expect(loadContract(BASE)).rejects.toThrow('must name inputs and outputs');
});

test('examples are flattened, whatever their shape', async () => {
  const example = { inputs: { image: [[[1], [2]], [[3], [4]]] }, outputs: { probabilities: [0.25, 0.75] }, label: 1 };
  answer(JSON.stringify({ schema: 1, examples: [example] }));
  expect(await loadExamples(BASE, CONTRACT)).toEqual([
    { inputs: { image: [1, 2, 3, 4] }, outputs: { probabilities: [0.25, 0.75] }, truths: { probabilities: 1 } },
  ]);
  expect(flatten('text')).toEqual(['text']);
  expect(flatten([[true], [false]])).toEqual([1, 0]);
});

test('shapes are counted, scalars too', () => {
  expect(elements(IMAGE)).toBe(4);
  expect(elements({ ...IMAGE, shape: [] })).toBe(1);
  expect(imageInput(CONTRACT)).toBe(IMAGE);
  expect(imageInput({ ...CONTRACT, inputs: [] })).toBeUndefined();
});
