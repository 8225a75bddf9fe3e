/** Numbers of which nothing else is known: their shape and range, the first of them, a picture. */
import { elements, type OutputSpec } from '../contract.ts';
import { shown } from '../numbers.ts';
import { drawInput } from '../picture.ts';
import { renderTable } from '../table.ts';
import { part, type Role } from './role.ts';
import './tensor.css';

const FEW = 4;
const [ROWS, COLUMNS] = [6, 8];
// A smaller one is not a picture that somebody would recognise.
const LEAST_SIDE = 8;

export const tensor: Role = {
  verdict({ outputs: [spec] }, answer) {
    const values = answer[spec!.name]!;
    if (values.length <= FEW) return values.map((value) => shown(value, spec!.unit)).join(', ');
    const { least, most } = rangeOf(values);
    return `${spec!.shape.join(' × ')} numbers, ${shown(least)} to ${shown(most)}`;
  },

  draw(element, { outputs: [spec] }, { answer }) {
    // The verdict says them all.
    if (elements(spec!) <= FEW) return;
    const isPicture = looksLikePicture(spec!);
    const canvas = isPicture ? part(element, 'canvas', 'values') : undefined;
    const figures = part(element, 'table', 'figures');
    const scroll = part(element, 'div', 'scroll');
    const numbers = part(scroll, 'table', 'numbers');
    if (!answer) return;
    const values = answer[spec!.name]!;
    const { least, most, mean } = rangeOf(values);
    if (canvas) {
      canvas.role = 'img';
      canvas.ariaLabel = `${spec!.name} as a picture`;
      const [height, width, channels = 1] = spec!.shape as [number, number, number?];
      const [minimum, maximum] = [spec!.minimum ?? least, spec!.maximum ?? most];
      drawInput(canvas, values, { ...spec!, shape: [height, width, channels], minimum, maximum });
    }
    const shape = spec!.shape.join(' × ') || 'one number';
    renderTable(figures, ['Shape', 'Minimum', 'Maximum', 'Mean'], [[shape, shown(least), shown(most), shown(mean)]]);
    scroll.role = 'region';
    scroll.tabIndex = 0;
    scroll.ariaLabel = `The first numbers of ${spec!.name}`;
    const { heads, rows } = firstOf(spec!, values);
    renderTable(numbers, heads, rows);
  },

  truth: () => '',
};

/** Returns the first numbers as a table: a row for each place in all dimensions but the last. */
export function firstOf(
  { shape }: OutputSpec,
  values: readonly number[],
): { heads: string[]; rows: string[][] } {
  const length = shape.at(-1) ?? 1;
  const columns = Math.min(length, COLUMNS);
  const count = Math.min(values.length / length, ROWS);
  const rows = Array.from({ length: count }, (_, row) => [
    placeOf(row, shape.slice(0, -1)),
    ...values.slice(row * length, row * length + columns).map((value) => shown(value)),
  ]);
  return { heads: ['Place', ...Array.from({ length: columns }, (_, column) => String(column))], rows };
}

function placeOf(row: number, shape: readonly number[]): string {
  const place: number[] = [];
  for (const length of shape.toReversed()) {
    place.unshift(row % length);
    row = Math.floor(row / length);
  }
  return place.join(', ') || '–';
}

function rangeOf(values: readonly number[]): { least: number; most: number; mean: number } {
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, most, mean: sum / values.length };
}

function looksLikePicture(spec: OutputSpec): boolean {
  const [height = 0, width = 0, channels = 1, ...more] = spec.shape;
  const isLarge = Math.min(height, width) >= LEAST_SIDE && elements(spec) > 0;
  return spec.shape.length > 1 && !more.length && isLarge && (channels === 1 || channels === 3);
}
