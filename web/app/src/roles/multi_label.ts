/** Several labels, each of which applies or does not: a bar for each, with a mark for its threshold. */
import { renderBars } from './bars.ts';
import { labelOf, part, type Role } from './role.ts';
import { thresholdBar, thresholdText } from './thresholds.ts';

export const multi_label: Role = {
  verdict({ outputs: [spec] }, answer) {
    const applies = answer[spec!.name]!.flatMap((value, index) =>
      value > spec!.threshold ? [labelOf(spec!, index)] : [],
    );
    return applies.join(', ') || `Nothing above ${thresholdText(spec!)}`;
  },

  draw(element, { outputs: [spec] }, { answer, server }) {
    const list = part(element, 'ol', 'bars');
    list.ariaLabel = 'Value of each label';
    const bars = Array.from({ length: spec!.shape.at(-1) ?? 1 }, (_, index) =>
      thresholdBar(spec!, labelOf(spec!, index), answer?.[spec!.name]![index], server?.[spec!.name]![index]),
    );
    renderBars(list, bars);
    part(element, 'p', 'hint').textContent =
      `A label applies above the mark at ${thresholdText(spec!)}. Each stands by itself.`;
  },

  truth: ({ outputs: [spec] }, truth) =>
    (truth as number[]).flatMap((value, index) => (value ? [labelOf(spec!, index)] : [])).join(', ') ||
    'none',
};
