import { expect, test } from 'vitest';

import { parse, write } from '../src/inputs/fields.ts';

const MASS = {
  name: 'mass',
  dtype: 'float32',
  shape: [],
  description: '',
  minimum: 0,
  maximum: 9000,
  kind: 'tensor',
};

test('numbers are read, within their range', () => {
  expect(parse(' 3750.5 ', MASS)).toEqual([3750.5]);
  expect(() => parse('', MASS)).toThrow('mass must be a number; got nothing');
  expect(() => parse('heavy', MASS)).toThrow('mass must be a number; got heavy');
  expect(() => parse('-1', MASS)).toThrow('mass must be from 0 to 9000; got -1');
});

test('an empty field is a missing value, if the value may be missing', () => {
  expect(parse('', { ...MASS, missing: -1 })).toEqual([-1]);
  expect(parse(' ', { ...MASS, dtype: 'string', missing: '' })).toEqual(['']);
});

test('strings are taken unchanged, including commas', () => {
  expect(parse('Biscoe, north', { ...MASS, dtype: 'string' })).toEqual(['Biscoe, north']);
});

test('several values are separated by commas', () => {
  expect(parse('1, 2,3', { ...MASS, shape: [3] })).toEqual([1, 2, 3]);
  expect(() => parse('1, 2', { ...MASS, shape: [3] })).toThrow('by commas; got 2');
});

test('a table has a line for each row, and is read as it is written', () => {
  const steps = { ...MASS, shape: [2, 3] };
  expect(write(['1', '2', '3', '4', '5', '6'], steps)).toBe('1, 2, 3\n4, 5, 6');
  expect(parse('1, 2, 3\n4, 5, 6\n', steps)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(() => parse('1, 2, 3', steps)).toThrow('takes 6 values (2 × 3), separated by commas; got 3');
  expect(write(['7'], MASS)).toBe('7');
  expect(write(['1', '2'], { ...MASS, shape: [2] })).toBe('1, 2');
});

test('ids are whole numbers', () => {
  const ids = { ...MASS, name: 'ids', dtype: 'int32', shape: [2] };
  expect(parse('3, 4', ids)).toEqual([3, 4]);
  expect(() => parse('3, 4.5', ids)).toThrow('ids must be a whole number; got 4.5');
});

test('a type bounds its numbers where the contract does not', () => {
  const open = { ...MASS, minimum: null, maximum: null };
  expect(parse('255', { ...open, dtype: 'uint8' })).toEqual([255]);
  expect(() => parse('256', { ...open, dtype: 'uint8' })).toThrow('mass must be from 0 to 255; got 256');
  expect(() => parse('-129', { ...open, dtype: 'int8' })).toThrow('from −128 to 127; got -129');
  // The engines have whole numbers of 32 bits.
  expect(() => parse('3000000000', { ...open, dtype: 'int64' })).toThrow('to 2147483647');
  expect(parse('-1e30', open)).toEqual([-1e30]);
});

test('yes and no are 1 and 0', () => {
  const flags = { ...MASS, dtype: 'bool', shape: [4], minimum: null, maximum: null };
  expect(parse('yes, No, 1, 0', flags)).toEqual([1, 0, 1, 0]);
  expect(() => parse('yes, no, true, 0', flags)).toThrow('mass must be yes or no; got true');
});

test('several strings have a line each', () => {
  const names = { ...MASS, dtype: 'string', shape: [2] };
  expect(write(['Biscoe, north', 'Dream'], names)).toBe('Biscoe, north\nDream');
  expect(parse('Biscoe, north\nDream', names)).toEqual(['Biscoe, north', 'Dream']);
  expect(() => parse('Dream', names)).toThrow('takes 2 values, a line each; got 1');
});
