import { expect, test } from 'vitest';

import { percent } from '../src/bars.ts';
import { largestDifference, topClass } from '../src/probabilities.ts';

test('the first of equal classes is on top', () => {
  expect(topClass([0.2, 0.4, 0.4])).toBe(1);
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
