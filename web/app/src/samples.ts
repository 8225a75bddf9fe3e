/** The released sample inputs as buttons. */
import type { Contract, Example } from './contract.ts';
import { face } from './faces.ts';

/** Fills the group once; `choose` gets the index of the sample that was clicked. */
export function renderSamples(
  group: HTMLElement,
  contract: Contract,
  examples: readonly Example[],
  nameOf: (sample: number) => string,
  choose: (sample: number) => void,
): void {
  if (group.childElementCount === examples.length) return;
  group.replaceChildren(
    ...examples.map((example, index) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset['sample'] = String(index);
      button.ariaLabel = button.title = nameOf(index);
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
