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

test('listeners hear the state at once and after each change', () => {
  const store = new Store(START);
  const heard: string[] = [];
  store.subscribe((state) => heard.push(state.status));
  store.update({ status: 'ready' });
  expect(heard).toEqual(['loading', 'ready']);
  expect(store.state.engine).toBe('wasm');
});
