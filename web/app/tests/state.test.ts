import { expect, test } from 'vitest';

import { percent } from '../src/bars.ts';
import { type State, Store, topClass } from '../src/state.ts';

const START: State = { status: 'loading', backend: 'wasm', examples: [], error: '' };

test('listeners hear the state at once and after each change', () => {
  const store = new Store(START);
  const heard: string[] = [];
  store.subscribe((state) => heard.push(state.status));
  store.update({ status: 'ready' });
  expect(heard).toEqual(['loading', 'ready']);
  expect(store.state.backend).toBe('wasm');
});

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
