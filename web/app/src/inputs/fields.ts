/** Form fields for inputs that are not pictures: numbers and strings, one field per input. */
import type { Classifier } from '../classifier.ts';
import { type Contract, elements, type Example, type TensorSpec } from '../contract.ts';
import { elementType, type TensorData } from '../inputs.ts';
import type { Selection } from '../state.ts';

/** Shows the fields once, and the selection's values in those that are not being edited. */
export function renderFields(
  form: HTMLFormElement,
  contract: Contract,
  examples: readonly Example[],
  selection: Selection | undefined,
  classifier: Classifier,
): void {
  const inputs = contract.inputs.filter((input) => input.kind !== 'image');
  form.hidden = !inputs.length;
  // With a picture among the inputs, the others come from the samples.
  const readOnly = inputs.length < contract.inputs.length;
  if (form.childElementCount !== inputs.length) {
    form.replaceChildren(...inputs.map((input) => field(input, examples, readOnly)));
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', () => give(form, inputs, classifier));
  }
  for (const input of inputs) {
    const box = form.elements.namedItem(input.name) as Box;
    const values = selection?.inputs[input.name];
    if (values && box !== form.ownerDocument.activeElement) {
      box.value = write(
        Array.from(values, (value) => (value === input.missing ? '' : shown(value))),
        input,
      );
    }
  }
}

type Box = HTMLInputElement | HTMLTextAreaElement;

/** With more values than this, one line of a form field hides most of them. */
const FEW = 8;

/** Returns the values as `parse` reads them: a line for each row of a table. */
export function write(values: readonly string[], { shape }: TensorSpec): string {
  const row = shape.length > 1 ? shape.at(-1)! : values.length;
  const lines = Array.from({ length: values.length / row || 1 }, (_, index) =>
    values.slice(index * row, (index + 1) * row).join(', '),
  );
  return lines.join('\n');
}

/** Returns the values in the text. Throws when the input does not accept them. */
export function parse(text: string, input: TensorSpec): (number | string)[] {
  const count = elements(input);
  const parts = count === 1 ? [text.trim()] : text.trim().split(/\s*[,\n]\s*/);
  if (parts.length !== count) {
    const wanted = input.shape.length > 1 ? `${count} values (${input.shape.join(' × ')})` : `${count} values`;
    throw new Error(`${input.name} takes ${wanted}, separated by commas; got ${parts.length}.`);
  }
  if (elementType(input) === 'string') return parts;
  return parts.map((part) => {
    if (part === '' && typeof input.missing === 'number') return input.missing;
    const value = Number(part);
    if (part === '' || !Number.isFinite(value)) {
      throw new Error(`${input.name} must be a number; got ${part || 'nothing'}.`);
    }
    if (elementType(input) === 'int32' && !Number.isInteger(value)) {
      throw new Error(`${input.name} must be a whole number; got ${part}.`);
    }
    const { minimum, maximum } = input;
    if ((minimum !== null && value < minimum) || (maximum !== null && value > maximum)) {
      throw new Error(
        `${input.name} must be from ${minimum ?? '−∞'} to ${maximum ?? '∞'}; got ${value}.`,
      );
    }
    return value;
  });
}

function give(form: HTMLFormElement, inputs: readonly TensorSpec[], classifier: Classifier): void {
  try {
    const values: Record<string, TensorData> = {};
    for (const input of inputs) {
      const box = form.elements.namedItem(input.name) as Box;
      values[input.name] = parse(box.value, input);
    }
    void classifier.chooseValues(values);
  } catch (error) {
    classifier.report((error as Error).message);
  }
}

function field(input: TensorSpec, examples: readonly Example[], readOnly: boolean): HTMLElement {
  const label = document.createElement('label');
  const name = document.createElement('span');
  const box = elements(input) > FEW ? textArea(input) : document.createElement('input');
  name.textContent = input.name.replaceAll('_', ' ');
  label.title = input.description;
  box.name = input.name;
  box.readOnly = readOnly;
  box.autocomplete = 'off';
  if (input.missing !== undefined && input.missing !== null) box.placeholder = 'unknown';
  label.append(name, box);
  if (elements(input) > 1) return label;
  const type = elementType(input);
  if (type === 'string') label.append(suggestions(box, input, examples));
  else box.inputMode = type === 'int32' ? 'numeric' : 'decimal';
  return label;
}

function textArea({ shape }: TensorSpec): HTMLTextAreaElement {
  const area = document.createElement('textarea');
  area.rows = shape.length > 1 ? Math.min(shape[0]!, FEW) : 3;
  area.spellcheck = false;
  return area;
}

/** Suggests the strings in the samples: nothing else says which ones are possible. */
function suggestions(
  box: Box,
  input: TensorSpec,
  examples: readonly Example[],
): HTMLElement {
  const list = document.createElement('datalist');
  const texts = new Set(examples.map((example) => String(example.inputs[input.name]?.[0] ?? '')));
  list.id = `values-of-${input.name}`;
  list.append(...[...texts].sort().map((text) => new Option(text, text)));
  box.setAttribute('list', list.id);
  return list;
}

/** Shows the digits of a float32, not those of the double that stores it. */
function shown(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : value;
}
