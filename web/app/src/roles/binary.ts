/** Yes or no: one bar, with a mark where the one becomes the other. */
import type { OutputSpec } from '../contract.ts';
import { percent, shown } from '../numbers.ts';
import { renderBars } from './bars.ts';
import { part, type Role } from './role.ts';
import { thresholdBar, thresholdText } from './thresholds.ts';

export const binary: Role = {
  verdict({ outputs: [spec] }, answer) {
    const value = answer[spec!.name]![0]!;
    const yes = value > spec!.threshold;
    const isChance = value >= 0 && value <= 1;
    return `${side(spec!, yes)} · ${isChance ? percent(yes ? value : 1 - value) : shown(value)}`;
  },

  draw(element, { outputs: [spec] }, { answer, server }) {
    const value = answer?.[spec!.name]![0];
    const bar = thresholdBar(spec!, side(spec!, true), value, server?.[spec!.name]![0]);
    renderBars(part(element, 'ol', 'bars'), [bar]);
    part(element, 'p', 'hint').textContent =
      `${side(spec!, true)} above the mark at ${thresholdText(spec!)}, otherwise ${side(spec!, false)}.`;
  },

  truth: ({ outputs: [spec] }, truth) => side(spec!, Number(truth) > 0),
};

function side({ labels }: OutputSpec, yes: boolean): string {
  return labels.length === 2 ? labels[Number(yes)]! : yes ? 'Yes' : 'No';
}
