import { expect, test } from 'vitest';

import { type State, Store } from '../src/state.ts';

const START: State = {
  status: 'loading',
  engine: 'wasm',
  engines: [],
  weightForms: [],
  why: '',
  examples: [],
  measurements: [],
  error: '',
};

test('listeners get the state at once and after each change', () => {
  const store = new Store(START);
  const received: string[] = [];
  store.subscribe((state) => received.push(state.status));
  store.update({ status: 'ready' });
  expect(received).toEqual(['loading', 'ready']);
  expect(store.state.engine).toBe('wasm');
});
