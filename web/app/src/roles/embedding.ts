/** A vector whose direction says what the input is like: the samples in the nearest directions. */
import { face } from '../faces.ts';
import type { Head, Role, Scene } from './role.ts';
import { part } from './role.ts';
import type { Answer } from '../contract.ts';
import './embedding.css';

const MOST = 5;

export const embedding: Role = {
  verdict(head, answer, scene) {
    const [first] = nearest(head, answer, scene);
    if (!first) return `${answer[head.outputs[0]!.name]!.length} numbers`;
    return `Nearest: ${scene.nameOf(first.sample)} · ${first.cosine.toFixed(3)}`;
  },

  draw(element, head, { answer, scene }) {
    const list = part(element, 'ol', 'nearest');
    list.ariaLabel = 'The nearest samples, by cosine';
    if (!answer) return;
    list.replaceChildren(
      ...nearest(head, answer, scene).map(({ sample, cosine }) => {
        const [item, picture, value] = (['li', 'span', 'b'] as const).map((name) => document.createElement(name));
        picture!.className = 'face';
        picture!.ariaHidden = 'true';
        picture!.append(face(scene.contract, scene.examples[sample]!, sample));
        value!.textContent = cosine.toFixed(3);
        item!.append(picture!, scene.nameOf(sample), value!);
        return item!;
      }),
    );
    part(element, 'p', 'hint').textContent = 'The cosine is 1 for the same direction, and 0 for unrelated ones.';
  },

  truth: () => '',
};

interface Near {
  readonly sample: number;
  readonly cosine: number;
}

/** Returns the other samples in the nearest directions, the nearest first. */
function nearest({ outputs: [spec] }: Head, answer: Answer, { examples, sample }: Scene): Near[] {
  return examples
    .map(({ outputs }, index) => ({ sample: index, cosine: cosine(answer[spec!.name]!, outputs[spec!.name]!) }))
    .filter((each) => each.sample !== sample)
    .sort((one, other) => other.cosine - one.cosine)
    .slice(0, MOST);
}

/** Returns the cosine of two vectors; 0 where one of them is zero. */
export function cosine(one: readonly number[], other: readonly number[]): number {
  let [product, first, second] = [0, 0, 0];
  for (const [index, value] of one.entries()) {
    product += value * other[index]!;
    first += value ** 2;
    second += other[index]! ** 2;
  }
  return product / Math.sqrt(first * second) || 0;
}
