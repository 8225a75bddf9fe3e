import { afterEach, expect, test, vi } from 'vitest';

import type { Contract, OutputSpec, TensorSpec } from '../src/contract.ts';
import { askServer } from '../src/server.ts';

afterEach(() => vi.unstubAllGlobals());

const TENSOR: TensorSpec = {
  name: 'x',
  dtype: 'float32',
  shape: [],
  description: '',
  minimum: null,
  maximum: null,
  kind: 'tensor',
};
const OUTPUT: OutputSpec = { ...TENSOR, role: 'tensor', labels: [], unit: '', threshold: 0.5, part: '' };

function contract(inputs: TensorSpec[], outputs: OutputSpec[]): Contract {
  return { schema: 1, model: 'm', title: '', description: '', version: 2, inputs, outputs, labels: [] };
}

/** Answers the next request; returns what the requests had. */
function answering(predictions: unknown[]): [url: string, body: unknown][] {
  const asked: [string, unknown][] = [];
  vi.stubGlobal('fetch', async (url: URL, { body }: { body: string }) => {
    asked.push([url.pathname, JSON.parse(body)]);
    return new Response(JSON.stringify({ predictions }));
  });
  return asked;
}

test('inputs have their shapes and types, and all outputs come back by name', async () => {
  const inputs = [
    { ...TENSOR, name: 'table', shape: [2, 2] },
    { ...TENSOR, name: 'flag', dtype: 'bool' },
    { ...TENSOR, name: 'a word', dtype: 'string' },
  ];
  const outputs = [{ ...OUTPUT, name: 'b', shape: [2] }, { ...OUTPUT, name: 'a.1', dtype: 'bool' }];
  const asked = answering([{ 'a.1': true, b: [1, 2] }]);
  const given = { table: Float32Array.of(1, 2, 3, 4), flag: [1], 'a word': ['x'] };
  const { answer, problem } = await askServer(new URL('http://h/p/'), contract(inputs, outputs), given);
  expect(asked).toEqual([
    ['/p/2', { instances: [{ table: [[1, 2], [3, 4]], flag: true, 'a word': 'x' }] }],
  ]);
  expect([answer, problem]).toEqual([{ b: [1, 2], 'a.1': [1] }, '']);
});

test('a single output comes without its name, even if it is one number', async () => {
  answering([0.25]);
  const { answer } = await askServer(new URL('http://h/p/'), contract([TENSOR], [OUTPUT]), { x: [3] });
  expect(answer).toEqual({ x: [0.25] });
});
