/** One class of several: a bar for each, in the order of the labels. */
import { largest, percent, shown } from '../numbers.ts';
import { renderBars } from './bars.ts';
import { labelOf, part, type Role } from './role.ts';

export const classification: Role = {
  verdict({ outputs: [spec] }, answer) {
    const values = answer[spec!.name]!;
    const top = largest(values);
    return `${labelOf(spec!, top)} · ${scale(values).text(values[top]!)}`;
  },

  draw(element, { outputs: [spec] }, { answer, server }) {
    const values = answer?.[spec!.name];
    const { share, text } = scale(values ?? []);
    const top = values && largest(values);
    const list = part(element, 'ol', 'bars');
    list.ariaLabel = 'Value of each class';
    const bars = Array.from({ length: spec!.shape.at(-1)! }, (_, index) => {
      const [value, other] = [values?.[index], server?.[spec!.name]?.[index]];
      return {
        label: labelOf(spec!, index),
        share: value === undefined ? value : share(value),
        text: value === undefined ? '' : text(value),
        server: other === undefined ? other : share(other),
        chosen: index === top,
      };
    });
    renderBars(list, bars);
  },

  truth: ({ outputs: [spec] }, truth) => labelOf(spec!, Number(truth)),
};

interface Scale {
  /** How much of a track the value fills. */
  share(value: number): number;
  text(value: number): string;
}

/** Probabilities are read as per cent; other scores fill the range from the least to the largest. */
export function scale(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values, 0), Math.max(...values, 1)];
  if (least === 0 && most === 1) return { share: (value) => value, text: percent };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { share: (value) => (value - low) / (high - low || 1), text: (value) => shown(value) };
}
