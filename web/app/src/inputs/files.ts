/** Pictures from files: chosen, dropped or pasted. */
import type { Actions } from '../actions.ts';
import { element } from '../elements.ts';

export function connectFiles(document: Document, actions: Actions): void {
  const chooser = element(document, 'file', HTMLInputElement);
  const invert = element(document, 'invert', HTMLInputElement);
  const give = (files: FileList | null | undefined): void => {
    const first = files?.[0];
    if (first) void actions.chooseFile(first, invert.checked);
  };

  chooser.addEventListener('change', () => {
    give(chooser.files);
    // Allows the same file to be chosen again.
    chooser.value = '';
  });
  invert.addEventListener('change', () => void actions.invertPicture(invert.checked));
  document.addEventListener('paste', (event) => give(event.clipboardData?.files));
  connectDrop(document, give);
}

function connectDrop(document: Document, give: (files: FileList | undefined) => void): void {
  const drop = element(document, 'input', HTMLElement);
  // A picture that misses the drop area must not replace the page.
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.toggle('over', event.target instanceof Node && drop.contains(event.target));
  });
  document.addEventListener('dragleave', () => drop.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    give(event.dataTransfer?.files);
  });
}
