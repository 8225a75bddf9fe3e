/** Form fields for inputs that are not pictures: numbers, texts and yes or no, one field per input. */
import type { Actions } from '../actions.ts';
import { type Contract, elements, type Example, type TensorSpec } from '../contract.ts';
import { elementType, type TensorData, wholeRange } from '../inputs.ts';
import type { Selection } from '../state.ts';

/** Shows the fields once, and the selection's values in those that are not being edited. */
export function renderFields(
  form: HTMLFormElement,
  contract: Contract,
  examples: readonly Example[],
  selection: Selection | undefined,
  actions: Actions,
): void {
  const inputs = contract.inputs.filter((input) => input.kind !== 'image');
  const typed = inputs.filter((input) => elements(input) <= MOST);
  form.hidden = !inputs.length;
  if (form.childElementCount !== inputs.length) {
    form.replaceChildren(
      ...inputs.map((input) => (typed.includes(input) ? field(input, examples) : note(input))),
    );
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', () => give(form, typed, actions));
  }
  for (const input of typed) {
    const box = form.elements.namedItem(input.name) as Box;
    const values = selection?.inputs[input.name];
    if (values && box !== form.ownerDocument.activeElement) {
      box.value = write(
        Array.from(values, (value) => (value === input.missing ? '' : shown(value, input))),
        input,
      );
    }
  }
}

type Box = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** With more values than this, one line of a form field hides most of them. */
const FEW = 8;
/** Nobody types in more values than this. */
const MOST = 4096;
const [YES, NO] = ['yes', 'no'];

/** Returns the values as `parse` reads them: a line for each row of a table, and for each text. */
export function write(values: readonly string[], input: TensorSpec): string {
  const { shape } = input;
  if (elementType(input) === 'string') return values.join('\n');
  const row = shape.length > 1 ? shape.at(-1)! : values.length;
  const lines = Array.from({ length: values.length / row || 1 }, (_, index) =>
    values.slice(index * row, (index + 1) * row).join(', '),
  );
  return lines.join('\n');
}

/** Returns the values in the text. Throws when the input does not accept them. */
export function parse(text: string, input: TensorSpec): (number | string)[] {
  const count = elements(input);
  const isText = elementType(input) === 'string';
  const [separator, by] = isText ? ([/\s*\n\s*/, 'a line each'] as const) : ([/\s*[,\n]\s*/, 'separated by commas'] as const);
  const parts = count === 1 ? [text.trim()] : text.trim().split(separator);
  if (parts.length !== count) {
    const wanted = input.shape.length > 1 ? `${count} values (${input.shape.join(' × ')})` : `${count} values`;
    throw new Error(`${input.name} takes ${wanted}, ${by}; got ${parts.length}.`);
  }
  return isText ? parts : parts.map((part) => parseNumber(part, input));
}

function parseNumber(part: string, input: TensorSpec): number {
  const { name, missing } = input;
  const type = elementType(input);
  if (part === '' && typeof missing === 'number') return missing;
  const value = type === 'bool' ? ['0', '1', NO, YES].indexOf(part.toLowerCase()) % 2 : Number(part);
  if (value < 0 && type === 'bool') throw new Error(`${name} must be yes or no; got ${part || 'nothing'}.`);
  if (part === '' || !Number.isFinite(value)) {
    throw new Error(`${name} must be a number; got ${part || 'nothing'}.`);
  }
  if (type === 'int32' && !Number.isInteger(value)) {
    throw new Error(`${name} must be a whole number; got ${part}.`);
  }
  const [least, most] = wholeRange(input);
  const [minimum, maximum] = [input.minimum ?? least, input.maximum ?? most];
  if (value < minimum || value > maximum) {
    const [from, to] = [minimum, maximum].map((end) => String(end).replace('Infinity', '∞').replace('-', '−'));
    throw new Error(`${name} must be from ${from} to ${to}; got ${value}.`);
  }
  return value;
}

function give(form: HTMLFormElement, inputs: readonly TensorSpec[], actions: Actions): void {
  try {
    const values: Record<string, TensorData> = {};
    for (const input of inputs) {
      const box = form.elements.namedItem(input.name) as Box;
      values[input.name] = parse(box.value, input);
    }
    void actions.chooseValues(values);
  } catch (error) {
    actions.report((error as Error).message);
  }
}

function field(input: TensorSpec, examples: readonly Example[]): HTMLElement {
  const label = document.createElement('label');
  const name = document.createElement('span');
  const [count, type] = [elements(input), elementType(input)];
  const isLong = count > (type === 'string' ? 1 : FEW);
  const box = isLong ? textArea(input) : type === 'bool' && count === 1 ? yesOrNo() : line(input);
  name.textContent = input.name.replaceAll('_', ' ');
  label.title = input.description;
  box.name = input.name;
  box.autocomplete = 'off';
  label.append(name, box);
  if (count === 1 && type === 'string') label.append(suggestions(box, input, examples));
  return label;
}

function line(input: TensorSpec): HTMLInputElement {
  const box = document.createElement('input');
  if (input.missing !== undefined && input.missing !== null) box.placeholder = 'unknown';
  const modes = { int32: 'numeric', float32: 'decimal', bool: 'text', string: 'text' };
  if (elements(input) === 1) box.inputMode = modes[elementType(input)];
  return box;
}

function textArea({ shape }: TensorSpec): HTMLTextAreaElement {
  const area = document.createElement('textarea');
  area.rows = shape.length > 1 ? Math.min(shape[0]!, FEW) : 3;
  area.spellcheck = false;
  return area;
}

function yesOrNo(): HTMLSelectElement {
  const select = document.createElement('select');
  select.append(...[YES, NO].map((word) => new Option(word)));
  return select;
}

/** Stands in the place of a field with too many values. */
function note({ name, shape }: TensorSpec): HTMLElement {
  const text = document.createElement('p');
  text.className = 'hint';
  text.textContent = `${name.replaceAll('_', ' ')}: ${shape.join(' × ')} values, those of the sample`;
  return text;
}

/** Suggests the strings in the samples: nothing else says which ones are possible. */
function suggestions(
  box: Box,
  input: TensorSpec,
  examples: readonly Example[],
): HTMLElement {
  const list = document.createElement('datalist');
  const texts = new Set(examples.map((example) => String(example.inputs[input.name]?.[0] ?? '')));
  // Names may hold spaces.
  list.id = `values-of-${encodeURIComponent(input.name)}`;
  list.append(...[...texts].sort().map((text) => new Option(text, text)));
  box.setAttribute('list', list.id);
  return list;
}

/** Shows the digits of a float32, not those of the double that stores it. */
function shown(value: number | string, input: TensorSpec): string {
  if (elementType(input) === 'bool') return value ? YES! : NO!;
  if (elementType(input) === 'int32') return String(value);
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : value;
}
