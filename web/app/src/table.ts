/** Tables of figures. */

/** Replaces the table's contents; the cells of the first column are row headers. */
export function renderTable(
  table: HTMLTableElement,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  table.replaceChildren(
    section('thead', [row(heads.map((text) => cell('th', text, 'col')))]),
    section(
      'tbody',
      rows.map(([first, ...rest]) =>
        row([cell('th', first!, 'row'), ...rest.map((text) => cell('td', text))]),
      ),
    ),
  );
}

function section(name: 'thead' | 'tbody', rows: readonly HTMLElement[]): HTMLElement {
  const element = document.createElement(name);
  element.append(...rows);
  return element;
}

function row(cells: readonly HTMLElement[]): HTMLElement {
  const element = document.createElement('tr');
  element.append(...cells);
  return element;
}

function cell(name: 'th' | 'td', text: string, scope = ''): HTMLElement {
  const element = document.createElement(name);
  if (scope) (element as HTMLTableCellElement).scope = scope;
  element.textContent = text;
  return element;
}
