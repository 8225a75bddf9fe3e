import { expect, test } from 'vitest';

import { parse } from '../src/inputs/fields.ts';

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
