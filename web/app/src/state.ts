/** What the page knows at a moment, and who is told when that changes. */
import type { Contract, Example } from './contract.ts';
import type { Engine } from './engines.ts';
import type { Inputs } from './inputs.ts';
import type { Measurement } from './measure.ts';
import type { Released } from './released.ts';
import type { ServerAnswer } from './server.ts';

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
  /** What was classified. */
  readonly selection: Selection;
}

export interface State {
  readonly status: 'loading' | 'ready' | 'running' | 'failed';
  readonly engine: Engine;
  /** The form of the weights in use; undefined until the model is loaded. */
  readonly weights?: string;
  /** What there is to choose from. */
  readonly engines: readonly Engine[];
  readonly weightForms: readonly string[];
  /** Why this engine and not another, in words; empty for the default. */
  readonly why: string;
  readonly contract?: Contract;
  readonly released?: Released;
  readonly examples: readonly Example[];
  readonly selection?: Selection;
  readonly result?: Result;
  /** The model server's answer to the same inputs, when there is a server. */
  readonly server?: ServerAnswer;
  readonly measurements: readonly Measurement[];
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
