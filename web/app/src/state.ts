/** What the page knows at a moment, and who is told when that changes. */
import type { Contract, Example } from './contract.ts';
import type { Backend, Inputs } from './runner.ts';

export interface Selection {
  readonly inputs: Inputs;
  /** For people: where the inputs came from. */
  readonly name: string;
  /** The number of the sample, when it is one. */
  readonly sample?: number;
}

export interface Result {
  readonly probabilities: readonly number[];
  readonly milliseconds: number;
  readonly backend: Backend;
  /** What was classified. */
  readonly selection: Selection;
}

export interface State {
  readonly status: 'loading' | 'ready' | 'running' | 'failed';
  readonly backend: Backend;
  readonly contract?: Contract;
  readonly examples: readonly Example[];
  readonly selection?: Selection;
  readonly result?: Result;
  /** In words, for the screen; empty when all is well. */
  readonly error: string;
}

export class Store {
  #state: State;
  readonly #listeners: ((state: State) => void)[] = [];

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Replaces some values and tells every listener. */
  update(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener(this.#state);
  }

  /** Calls the listener now and after every change. */
  subscribe(listener: (state: State) => void): void {
    this.#listeners.push(listener);
    listener(this.#state);
  }
}

/** Returns the index of the largest value. */
export function topClass(probabilities: readonly number[]): number {
  return probabilities.reduce((best, value, index) => (value > probabilities[best]! ? index : best), 0);
}
