import { expect, test } from 'vitest';

import { pixelsToInput } from '../src/picture.ts';

const GREY = {
  name: 'image',
  dtype: 'float32',
  shape: [1, 2, 1],
  description: '',
  minimum: 0,
  maximum: 255,
  kind: 'image',
};

test('grey pixels keep their values exactly', () => {
  for (let value = 0; value < 256; value++) {
    const rgba = new Uint8ClampedArray([value, value, value, 255, 0, 0, 0, 255]);
    expect([...pixelsToInput(rgba, GREY, { invert: false })]).toEqual([value, 0]);
  }
});

test('colours become luma, or stay for models that take them', () => {
  const rgba = new Uint8ClampedArray([255, 0, 0, 255, 0, 255, 0, 255]);
  expect([...pixelsToInput(rgba, GREY, { invert: false })]).toEqual([76, 150]);
  const colour = { ...GREY, shape: [1, 2, 3] };
  expect([...pixelsToInput(rgba, colour, { invert: false })]).toEqual([255, 0, 0, 0, 255, 0]);
});

test('values are scaled to the range of the contract, and can be swapped', () => {
  const rgba = new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255]);
  const signed = { ...GREY, minimum: -1, maximum: 1 };
  expect([...pixelsToInput(rgba, signed, { invert: false })]).toEqual([1, -1]);
  expect([...pixelsToInput(rgba, signed, { invert: true })]).toEqual([-1, 1]);
});

test('an input that is not a picture is refused', () => {
  const rgba = new Uint8ClampedArray(4);
  expect(() => pixelsToInput(rgba, { ...GREY, shape: [4] }, { invert: false })).toThrow(
    'a picture needs height × width × 1 or 3',
  );
});

test('whole numbers stay whole, in the range of their type', () => {
  const rgba = new Uint8ClampedArray([100, 100, 100, 255, 255, 255, 255, 255]);
  const open = { ...GREY, minimum: null, maximum: null };
  expect([...pixelsToInput(rgba, { ...open, dtype: 'uint8' }, { invert: false })]).toEqual([100, 255]);
  expect([...pixelsToInput(rgba, { ...open, dtype: 'int8' }, { invert: false })]).toEqual([-28, 127]);
  const small = { ...GREY, dtype: 'int32', maximum: 10 };
  expect([...pixelsToInput(rgba, small, { invert: false })]).toEqual([4, 10]);
});
