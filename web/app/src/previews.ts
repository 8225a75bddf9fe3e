/** The pictures among the inputs, as the model sees them. */
import { type Contract, imageInputs } from './contract.ts';
import { drawInput } from './picture.ts';
import type { Selection } from './state.ts';

/** Makes a canvas for each picture; with several, people choose which one they replace. */
export function renderPreviews(
  container: HTMLElement,
  contract: Contract,
  chosen: string,
  choose: (input: string) => void,
): void {
  const inputs = imageInputs(contract);
  if (container.childElementCount === inputs.length) return;
  container.hidden = !inputs.length;
  container.replaceChildren(
    ...inputs.map(({ name }, index) => {
      const canvas = document.createElement('canvas');
      canvas.id = index ? `preview-${index}` : 'preview';
      canvas.role = 'img';
      canvas.ariaLabel = 'No picture chosen';
      [canvas.width, canvas.height] = [1, 1];
      if (inputs.length === 1) return canvas;
      const [label, radio] = [document.createElement('label'), document.createElement('input')];
      Object.assign(radio, { type: 'radio', name: 'picture', checked: name === chosen });
      radio.addEventListener('change', () => choose(name));
      label.className = 'check';
      label.append(radio, name.replaceAll('_', ' '));
      const figure = document.createElement('figure');
      figure.append(canvas, label);
      return figure;
    }),
  );
}

/** Draws the pictures of a selection. */
export function drawPreviews(container: HTMLElement, contract: Contract, selection: Selection): void {
  const canvases = container.querySelectorAll('canvas');
  for (const [index, input] of imageInputs(contract).entries()) {
    drawInput(canvases[index]!, selection.inputs[input.name]!, input);
    canvases[index]!.ariaLabel = `${selection.name}, as the model sees it`;
  }
}
