/** Numbers with a unit, each within the range of the samples' answers. */
import type { OutputSpec } from '../contract.ts';
import { shown } from '../numbers.ts';
import { renderBars } from './bars.ts';
import { part, type Role } from './role.ts';

export const regression: Role = {
  verdict({ outputs: [spec] }, answer) {
    const values = answer[spec!.name]!;
    if (values.length === 1) return shown(values[0]!, spec!.unit);
    const first = values.slice(0, 4).map((value, index) => `${nameOf(spec!, index)} ${shown(value)}`);
    return `${first.join(', ')}${values.length > 4 ? ' …' : ''}${spec!.unit && ` (${spec!.unit})`}`;
  },

  draw(element, { outputs: [spec] }, { answer, server, scene }) {
    const { name, unit } = spec!;
    const count = spec!.shape.reduce((product, length) => product * length, 1);
    const samples = scene.examples.map(({ outputs }) => outputs[name]!);
    const bars = Array.from({ length: count }, (_, index) => {
      const value = answer?.[name]![index];
      const seen = samples.map((values) => values[index]!);
      const [low, high] = [Math.min(...seen), Math.max(...seen)];
      const share = (of: number | undefined) => (of === undefined ? of : (of - low) / (high - low || 1));
      return {
        label: nameOf(spec!, index),
        share: share(value),
        text: value === undefined ? '' : shown(value, unit),
        server: share(server?.[name]![index]),
        chosen: true,
      };
    });
    const list = part(element, 'ol', 'bars');
    list.ariaLabel = 'Numbers';
    renderBars(list, bars);
    part(element, 'p', 'hint').textContent = samples.length ? rangeOf(samples, count, unit) : '';
  },

  truth({ outputs: [spec] }, truth) {
    const values = [truth].flat(Infinity) as number[];
    return values.length === 1 ? shown(values[0]!, spec!.unit) : '';
  },
};

function nameOf({ name, labels }: OutputSpec, index: number): string {
  return labels[index] ?? (index ? `${name} ${index + 1}` : name).replaceAll('_', ' ');
}

function rangeOf(samples: readonly (readonly number[])[], count: number, unit: string): string {
  if (count > 1) return "Each bar spans the range of the samples' answers.";
  const seen = samples.map(([value]) => value!);
  return `In the samples, from ${shown(Math.min(...seen), unit)} to ${shown(Math.max(...seen), unit)}.`;
}
