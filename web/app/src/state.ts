/** The page's current state, and the listeners to its changes. */
import type { Answer, Contract, Example } from './contract.ts';
import type { Engine } from './engines.ts';
import type { Inputs } from './inputs.ts';
import type { Measurement } from './measure.ts';
import type { Released } from './released.ts';
import type { ServerAnswer } from './server.ts';

export interface Selection {
  readonly inputs: Inputs;
  /** The origin of the inputs, for display. */
  readonly name: string;
  /** The index of the sample, if it is one. */
  readonly sample?: number;
}

export interface Result {
  readonly answer: Answer;
  readonly milliseconds: number;
  /** The inputs that it is the answer to. */
  readonly selection: Selection;
}

export interface State {
  readonly status: 'loading' | 'ready' | 'running' | 'failed';
  readonly engine: Engine;
  /** The form of the weights in use; undefined until the model is loaded. */
  readonly weights?: string;
  /** The engines that the user can choose. */
  readonly engines: readonly Engine[];
  readonly weightForms: readonly string[];
  /** The reason for this engine, for display; empty for the default. */
  readonly why: string;
  readonly contract?: Contract;
  readonly released?: Released;
  readonly examples: readonly Example[];
  /** The input that the next picture is for, if the user chose one of several. */
  readonly picture?: string;
  readonly selection?: Selection;
  readonly result?: Result;
  /** The model server's answer to the same inputs, when there is a server. */
  readonly server?: ServerAnswer;
  readonly measurements: readonly Measurement[];
  /** The message on the screen; empty if there is no error. */
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

  /** Replaces some values and notifies every listener. */
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
