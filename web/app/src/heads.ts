/** The heads of a model: what its outputs answer, each in the way of its role. */
import type { Answer, Contract, Example, OutputSpec } from './contract.ts';
import type { Head, Scene } from './roles/role.ts';
import { ROLES } from './roles/table.ts';

/** Returns the heads in the order of their first outputs; a detection's outputs are one head. */
export function headsOf({ outputs }: Contract): readonly Head[] {
  const groups = new Map<string, OutputSpec[]>();
  for (const output of outputs) {
    const key = output.role === 'detection' ? ' ' : output.name;
    groups.set(key, [...(groups.get(key) ?? []), output]);
  }
  return [...groups.values()].map((together) => {
    const role = ROLES[together[0]!.role];
    if (!role) throw new Error(`This page cannot show outputs with the role ${together[0]!.role}.`);
    return { role, outputs: together };
  });
}

/** Returns a head's name for people. */
export function titleOf({ outputs }: Head): string {
  return outputs[0]!.role === 'detection' ? 'Found' : outputs[0]!.name.replaceAll('_', ' ');
}

/** Returns the decisions of all heads in a few words. */
export function decision(heads: readonly Head[], answer: Answer, scene: Scene): string {
  const words = heads.map((head) => head.role.verdict(head, answer, scene));
  if (words.length === 1) return words[0]!;
  return words.map((each, index) => `${titleOf(heads[index]!)}: ${each}`).join('; ');
}

/** Returns the true answer of a sample in a few words; empty if there is none. */
export function truthOf(heads: readonly Head[], { truths }: Example): string {
  const words = heads.map((head) => {
    const known = head.outputs.find(({ name }) => (truths[name] ?? null) !== null);
    return known ? head.role.truth(head, truths[known.name]) : '';
  });
  return words.filter(Boolean).join(', ');
}
