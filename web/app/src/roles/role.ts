/** What a role of outputs shows on the page. Each role is a module of its own beside this one. */
import type { Answer, Contract, Example, OutputSpec } from '../contract.ts';
import type { Inputs } from '../inputs.ts';

export interface Role {
  /** Returns the decision in a few words. */
  verdict(head: Head, answer: Answer, scene: Scene): string;
  /** Draws the answers into the element, which has what the last call drew there. */
  draw(element: HTMLElement, head: Head, drawing: Drawing): void;
  /** Returns the true answer of a sample in a few words; empty if they do not suffice. */
  truth(head: Head, truth: unknown): string;
}

/** Outputs that are one answer together: one output, or boxes with their scores and classes. */
export interface Head {
  readonly role: Role;
  readonly outputs: readonly OutputSpec[];
}

/** What an answer belongs to. */
export interface Scene {
  readonly contract: Contract;
  readonly examples: readonly Example[];
  /** The inputs, and the index of the sample if they are one. */
  readonly inputs: Inputs;
  readonly sample?: number | undefined;
  /** Returns the name of a sample, with its true answer if that is known. */
  nameOf(sample: number): string;
}

export interface Drawing {
  /** Undefined before the first prediction; the element should have its size by then. */
  readonly answer?: Answer | undefined;
  /** The model server's answer; undefined if it has not answered. */
  readonly server?: Answer | undefined;
  readonly scene: Scene;
}

/** Returns the name of a class. */
export function labelOf({ labels }: OutputSpec, index: number): string {
  return labels[index] ?? `Class ${index}`;
}

/** Returns the element's child of this class, which is made if it is not there. */
export function part<K extends keyof HTMLElementTagNameMap>(
  element: HTMLElement,
  name: K,
  className: string,
): HTMLElementTagNameMap[K] {
  const found = element.querySelector<HTMLElementTagNameMap[K]>(`:scope > .${className}`);
  if (found) return found;
  const made = document.createElement(name);
  made.className = className;
  element.append(made);
  return made;
}
