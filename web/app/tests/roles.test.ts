import { expect, test } from 'vitest';

import type { Contract, OutputSpec } from '../src/contract.ts';
import { decision, headsOf, truthOf } from '../src/heads.ts';
import { scale } from '../src/roles/classification.ts';
import { foundIn } from '../src/roles/detection.ts';
import { cosine } from '../src/roles/embedding.ts';
import type { Head, Scene } from '../src/roles/role.ts';
import { maskOf, sharesOf } from '../src/roles/segmentation.ts';
import { firstOf } from '../src/roles/tensor.ts';

function output(name: string, role: string, shape: number[], more: Partial<OutputSpec> = {}): OutputSpec {
  const range = { description: '', minimum: null, maximum: null, kind: 'tensor' };
  return { name, role, shape, dtype: 'float32', ...range, labels: [], unit: '', threshold: 0.5, part: '', ...more };
}

function contract(...outputs: OutputSpec[]): Contract {
  const image = { ...output('image', '', [20, 40, 3]), kind: 'image' };
  return { schema: 1, model: 'm', title: '', description: '', version: null, inputs: [image], outputs, labels: [] };
}

function scene(described: Contract): Scene {
  return { contract: described, examples: [], inputs: {}, nameOf: () => '' };
}

function said(spec: OutputSpec, values: number[]): string {
  const described = contract(spec);
  return decision(headsOf(described), { [spec.name]: values }, scene(described));
}

test('one output is decided by its role alone', () => {
  expect(said(output('k', 'classification', [3], { labels: ['a', 'b', 'c'] }), [0.1, 0.7, 0.2])).toBe('b · 70.0 %');
  expect(said(output('k', 'classification', [2]), [3, -12.5])).toBe('Class 0 · 3');
  const binary = output('k', 'binary', [1], { threshold: 0.25 });
  expect(said(binary, [0.3])).toBe('Yes · 30.0 %');
  expect(said({ ...binary, labels: ['healthy', 'ill'] }, [0.2])).toBe('healthy · 80.0 %');
  const labels = output('k', 'multi_label', [3], { labels: ['a', 'b', 'c'] });
  expect(said(labels, [0.6, 0.1, 0.9])).toBe('a, c');
  expect(said(labels, [0.1, 0.1, 0.2])).toBe('Nothing above 50.0 %');
  expect(said(output('k', 'regression', [1], { unit: '°C' }), [-3.14159])).toBe('-3.142 °C');
  expect(said(output('at', 'regression', [2], { unit: 'm', labels: ['x', 'y'] }), [1, 2])).toBe('x 1, y 2 (m)');
  expect(said(output('k', 'embedding', [4]), [1, 2, 3, 4])).toBe('4 numbers');
  expect(said(output('k', 'tensor', []), [7])).toBe('7');
});

test('several heads are named, and the outputs of a detection are one head', () => {
  const described = contract(
    output('is_red', 'binary', [1]),
    output('scores', 'detection', [1], { part: 'scores' }),
    output('size', 'regression', [1]),
    output('boxes', 'detection', [1, 4], { part: 'boxes' }),
  );
  const answer = { is_red: [0.9], scores: [0.8], size: [4], boxes: [0, 0, 1, 1] };
  const heads = headsOf(described);
  expect(decision(heads, answer, scene(described))).toBe(
    'is red: Yes · 90.0 %; Found: 1 found: Class 0 80.0 %; size: 4',
  );
  const example = { inputs: {}, outputs: answer, truths: { is_red: 0, size: null } };
  expect(truthOf(heads, example)).toBe('No');
  expect(() => headsOf(contract(output('k', 'nonesuch', [1])))).toThrow('cannot show outputs with the role nonesuch');
});

test('scores that are not probabilities fill the range that they have', () => {
  const { share, text } = scale([-2, 6]);
  expect([share(-2), share(2), share(6), text(6)]).toEqual([0, 0.5, 1, '6']);
});

test('a mask has the largest class of each pixel, or the side of the threshold', () => {
  const mask = maskOf(output('m', 'segmentation', [1, 2, 3]), [0.2, 0.7, 0.1, 0.1, 0.2, 0.7]);
  expect([...mask]).toEqual([1, 2]);
  expect([...maskOf(output('m', 'segmentation', [1, 3, 1], { threshold: 0.6 }), [0.5, 0.7, 0.6])]).toEqual([0, 1, 0]);
  expect(sharesOf(Uint16Array.of(4, 1, 1, 1))).toEqual([[1, 0.75], [4, 0.25]]);
});

test('boxes are shares of the picture or pixels, the top or the left side first', () => {
  const boxes = output('boxes', 'detection', [2, 4], { part: 'boxes', maximum: 1 });
  const scores = output('scores', 'detection', [2, 2], { part: 'scores', threshold: 0.3 });
  const answer = { boxes: [0, 0.25, 0.5, 1, 0, 0, 1, 1], scores: [0.1, 0.4, 0.9, 0.2] };
  const described = contract(boxes, scores);
  const box = { top: 0, left: 0.25, bottom: 0.5, right: 1 };
  const whole = { top: 0, left: 0, bottom: 1, right: 1 };
  const both = [
    { box: whole, score: 0.9, label: 0 },
    { box, score: 0.4, label: 1 },
  ];
  const [head] = headsOf(described) as [Head];
  expect(foundIn(head, answer, scene(described))).toEqual(both);

  const pixels = contract({ ...boxes, maximum: 40, labels: ['left', 'top', 'right', 'bottom'] }, scores);
  const inPixels = { ...answer, boxes: [10, 0, 40, 10, 0, 0, 40, 20] };
  expect(foundIn(headsOf(pixels)[0]!, inPixels, scene(pixels))).toEqual(both);
});

test('the cosine is that of the directions, and 0 without one', () => {
  expect(cosine([1, 2], [2, 4])).toBeCloseTo(1);
  expect(cosine([1, 0], [0, 3])).toBe(0);
  expect(cosine([0, 0], [0, 3])).toBe(0);
});

test('the first numbers stand at their places', () => {
  const { heads, rows } = firstOf(output('t', 'tensor', [2, 2, 3]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(heads).toEqual(['Place', '0', '1', '2']);
  expect(rows.map((row) => row.join('|'))).toEqual(['0, 0|0|1|2', '0, 1|3|4|5', '1, 0|6|7|8', '1, 1|9|10|11']);
});
