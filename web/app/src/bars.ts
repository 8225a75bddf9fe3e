/** The class probabilities as bars, in the order of the labels. */
import { topClass } from './probabilities.ts';

/**
 * Shows one bar per label, with a mark for the model server's answer.
 *
 * `probabilities` is undefined before the first prediction, `server` if it has not answered.
 */
export function renderBars(
  list: HTMLElement,
  labels: readonly string[],
  probabilities: readonly number[] | undefined,
  server: readonly number[] | undefined,
): void {
  if (list.childElementCount !== labels.length) list.replaceChildren(...labels.map(bar));
  const top = probabilities && topClass(probabilities);
  for (const [index, item] of [...list.children].entries()) {
    const value = probabilities?.[index];
    const row = item as HTMLElement;
    row.classList.toggle('top', index === top);
    row.querySelector<HTMLElement>('.fill')!.style.transform =
      `translateX(${((value ?? 0) - 1) * 100}%)`;
    const mark = row.querySelector<HTMLElement>('.mark')!;
    mark.hidden = server === undefined;
    mark.style.left = `${(server?.[index] ?? 0) * 100}%`;
    row.querySelector<HTMLElement>('.percent')!.textContent =
      value === undefined ? '' : percent(value);
  }
}

export function percent(value: number): string {
  if (value > 0 && value < 0.001) return '< 0.1 %';
  if (value < 1 && value > 0.999) return '> 99.9 %';
  return `${(value * 100).toFixed(1)} %`;
}

function bar(label: string): HTMLElement {
  const item = document.createElement('li');
  const name = document.createElement('span');
  const track = document.createElement('span');
  const fill = document.createElement('span');
  const value = document.createElement('span');
  name.className = 'label';
  track.className = 'track';
  const mark = document.createElement('span');
  mark.className = 'mark';
  mark.hidden = true;
  fill.className = 'fill';
  value.className = 'percent';
  name.textContent = label;
  track.append(fill, mark);
  item.append(name, track, value);
  return item;
}
