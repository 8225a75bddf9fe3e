/** A list of colours with their names and figures, so that nothing depends on colour alone. */
import './overlay.css';

export interface Entry {
  readonly colour: string;
  readonly label: string;
  readonly figure: string;
}

export function renderLegend(list: HTMLElement, entries: readonly Entry[]): void {
  list.replaceChildren(
    ...entries.map(({ colour, label, figure }) => {
      const [item, swatch, value] = (['li', 'i', 'b'] as const).map((name) => document.createElement(name));
      swatch!.style.background = colour;
      value!.textContent = figure;
      item!.append(swatch!, label, value!);
      return item!;
    }),
  );
}
