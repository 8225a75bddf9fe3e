/** Values as bars, one below the other. */

export interface Bar {
  readonly label: string;
  /** How much of the track is filled, from 0 to 1; undefined before the first prediction. */
  readonly share: number | undefined;
  /** The value in words. */
  readonly text: string;
  /** Where the model server's answer is, from 0 to 1; undefined if it has not answered. */
  readonly server?: number | undefined;
  /** Where the answer changes from no to yes, from 0 to 1. */
  readonly threshold?: number;
  /** Whether it is what the model decided for. */
  readonly chosen: boolean;
}

export function renderBars(list: HTMLElement, bars: readonly Bar[]): void {
  if (list.childElementCount !== bars.length) list.replaceChildren(...bars.map(bar));
  for (const [index, { share = 0, text, server, threshold, chosen }] of bars.entries()) {
    const row = list.children[index]!;
    row.classList.toggle('top', chosen);
    find(row, 'fill').style.transform = `translateX(${(within(share) - 1) * 100}%)`;
    place(find(row, 'mark'), server);
    place(find(row, 'threshold'), threshold);
    find(row, 'percent').textContent = text;
  }
}

function place(mark: HTMLElement, at: number | undefined): void {
  mark.hidden = at === undefined;
  mark.style.left = `${within(at ?? 0) * 100}%`;
}

function within(share: number): number {
  return Math.min(Math.max(share, 0), 1);
}

function find(row: Element, className: string): HTMLElement {
  return row.querySelector<HTMLElement>(`.${className}`)!;
}

function bar({ label }: Bar): HTMLElement {
  const item = document.createElement('li');
  const track = span('track');
  track.append(span('fill'), span('threshold'), span('mark'));
  const name = span('label');
  name.textContent = label;
  item.append(name, track, span('percent'));
  return item;
}

function span(className: string): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  return element;
}
