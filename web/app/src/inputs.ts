/** The ways of giving the page something to classify, beside the samples. */
import type { Classifier } from './classifier.ts';
import { isBackend } from './runner.ts';
import { element } from './elements.ts';

export function connectInputs(document: Document, classifier: Classifier): void {
  const file = element(document, 'file', HTMLInputElement);
  const invert = element(document, 'invert', HTMLInputElement);
  const backend = element(document, 'backend', HTMLSelectElement);
  const give = (files: FileList | null | undefined): void => {
    const first = files?.[0];
    if (first) void classifier.choosePicture(first, invert.checked);
  };

  file.addEventListener('change', () => {
    give(file.files);
    // The same file can be chosen again.
    file.value = '';
  });
  invert.addEventListener('change', () => void classifier.invertPicture(invert.checked));
  backend.addEventListener('change', () => {
    if (isBackend(backend.value)) void classifier.chooseBackend(backend.value);
  });
  connectDrop(document, give);
}

function connectDrop(document: Document, give: (files: FileList | undefined) => void): void {
  const drop = element(document, 'drop', HTMLElement);
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
