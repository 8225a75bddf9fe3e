import { expect, test } from 'vitest';

import { largest, largestDifference, percent, shown } from '../src/numbers.ts';

test('the first of equal classes is on top', () => {
  expect(largest([0.2, 0.4, 0.4])).toBe(1);
});

test('percentages are never rounded to certainty', () => {
  expect([0, 0.0004, 0.5, 0.99961, 1].map(percent)).toEqual([
    '0.0 %',
    '< 0.1 %',
    '50.0 %',
    '> 99.9 %',
    '100.0 %',
  ]);
});

test('a NaN is the largest difference', () => {
  expect(largestDifference([0.5, 0.25], [0.5, 0.5])).toBe(0.25);
  expect(largestDifference([NaN, 0.5], [0.5, 0.5])).toBe(Infinity);
});

test('numbers of every size have four digits and their unit', () => {
  const texts = [0, -12.34567, 1234567, 0.00001234, 3e12].map((value) => shown(value, 'm'));
  expect(texts).toEqual(['0 m', '-12.35 m', '1,235,000 m', '1.234e-5 m', '3.000e+12 m']);
});
