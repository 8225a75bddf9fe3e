/** The released sample inputs as buttons. */
import { type Contract, type Example, imageInput } from './contract.ts';
import { drawInput } from './picture.ts';

/** Fills the group once; `choose` gets the index of the sample that was clicked. */
export function renderSamples(
  group: HTMLElement,
  contract: Contract,
  examples: readonly Example[],
  choose: (index: number) => void,
): void {
  if (group.childElementCount === examples.length) return;
  group.replaceChildren(
    ...examples.map((example, index) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset['sample'] = String(index);
      const label = contract.labels[example.label] ?? '?';
      button.setAttribute('aria-label', `Sample ${index + 1}: ${label}`);
      button.title = label;
      button.append(face(contract, example, index));
      button.addEventListener('click', () => choose(index));
      return button;
    }),
  );
}

/** Marks the sample that is shown. */
export function markSample(group: HTMLElement, shown: number | undefined): void {
  for (const [index, button] of [...group.children].entries()) {
    button.setAttribute('aria-pressed', String(index === shown));
  }
}

function face(contract: Contract, example: Example, index: number): Node {
  const input = imageInput(contract);
  if (!input) return document.createTextNode(String(index + 1));
  const canvas = document.createElement('canvas');
  drawInput(canvas, example.inputs[input.name]!, input);
  return canvas;
}
