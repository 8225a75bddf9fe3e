import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { otherProcessor, probe, ran, trim } from '../../bundle/trim_wasm.ts';
import { WASM_FILES } from '../../bundle/wasm_needs.ts';
import { instructions, leb, WasmModule } from '../../bundle/wasm_module.ts';
import { isKernel } from '../src/wasm_kernels.ts';

const FOLDER = new URL('../../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, FOLDER)));

test.each(WASM_FILES)('%s is read and written without a change', (name) => {
  const bytes = read(name);
  expect(Buffer.from(new WasmModule(bytes).encode()).equals(bytes)).toBe(true);
});

test.each(WASM_FILES)('each function of %s ends with its last instruction', (name) => {
  const module = new WasmModule(read(name));
  for (const body of module.bodies) {
    const last = [...instructions(body)].at(-1)!;
    expect([last.code, last.end]).toEqual([0x0b, body.length]);
  }
});

test.each(WASM_FILES)('%s is valid in all its forms', (name) => {
  const bytes = read(name);
  const forms = [probe(bytes), otherProcessor(bytes)!, trim(bytes, new Set(['Softmax']), new Set())];
  for (const form of forms) expect(WebAssembly.validate(form as BufferSource)).toBe(true);
  expect(forms[2]!.length).toBeLessThan(bytes.length / 2);
  const module = new WebAssembly.Module(forms[2] as BufferSource);
  const kernels = WebAssembly.Module.exports(module).map((each) => each.name).filter(isKernel);
  expect(kernels).toEqual(['Softmax']);
});

test('what is left out stops the program, what is kept answers', () => {
  // Table 0 holds functions 0 and 1, which return 7 and 8; `Call` calls the one with its index.
  const file = assemble();
  const call = (bytes: Uint8Array, index: number): unknown =>
    (instantiate(bytes).Call as (index: number) => number)(index);
  expect([call(file, 0), call(file, 1)]).toEqual([7, 8]);
  const trimmed = trim(file, new Set(['Call']), new Set([1]));
  expect(call(trimmed, 1)).toBe(8);
  expect(() => call(trimmed, 0)).toThrow(WebAssembly.RuntimeError);
  expect(instantiate(trim(file, new Set(), new Set()))).not.toHaveProperty('Call');
});

test('a probe records what ran', () => {
  const exports = instantiate(probe(assemble()));
  expect(ran(exports)).toEqual([]);
  (exports.Call as (index: number) => number)(1);
  expect(ran(exports)).toEqual([1]);
});

test('an unknown instruction is an error', () => {
  expect(() => [...instructions(new Uint8Array([0, 0x06, 0x0b]))]).toThrow('instruction 0x6');
});

test.each([0, 127, 128, 300, 2 ** 31])('%i in LEB128', (value) => {
  const decoded = leb(value).reduce((sum, byte, index) => sum + (byte & 0x7f) * 128 ** index, 0);
  expect(decoded).toBe(value);
});

function instantiate(bytes: Uint8Array): Record<string, unknown> {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource)).exports;
}

function assemble(): Uint8Array {
  const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content];
  const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
  const body = (...code: number[]): number[] => [code.length + 2, 0, ...code, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // Types: 0 returns an i32, 1 also takes one.
    ...section(1, 2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f),
    ...section(3, 3, 0, 0, 1),
    ...section(4, 1, 0x70, 0, 2),
    ...section(6, 0),
    ...section(7, 1, ...text('Call'), 0, 2),
    ...section(9, 1, 0, 0x41, 0, 0x0b, 2, 0, 1),
    // i32.const 7; i32.const 8; local.get 0, call_indirect (type 0).
    ...section(10, 3, ...body(0x41, 7), ...body(0x41, 8), ...body(0x20, 0, 0x11, 0, 0)),
  ]);
}
