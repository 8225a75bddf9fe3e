/** The released files that describe the model: contract.json and golden.json. */
import { fetchJson, requireSchema } from './http.ts';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: string;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
  readonly description: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly kind: string;
  /** Stands for a value that the client does not have; null if the value is required. */
  readonly missing?: number | string | null;
}

export interface OutputSpec extends TensorSpec {
  /** What its numbers mean: the name of a module in roles/. */
  readonly role: string;
  /** The names of its classes; empty if it has none. */
  readonly labels: readonly string[];
  /** Empty if its numbers have none. */
  readonly unit: string;
  /** The value above which it says yes, for the roles that have one. */
  readonly threshold: number;
  /** For a detection: boxes, scores or classes. */
  readonly part: string;
}

export interface Contract {
  readonly schema: number;
  readonly model: string;
  readonly title: string;
  readonly description: string;
  readonly version: number | null;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly OutputSpec[];
  /** The first labels of any output; empty if there are none. */
  readonly labels: readonly string[];
  /** Whether the examples are made up, with the model's own answers as the true ones. */
  readonly made_up?: boolean;
}

export type Values = readonly (number | string)[];

/** One example's outputs by name, flat in row-major order; booleans are 0 and 1. */
export type Answer = Readonly<Record<string, readonly number[]>>;

/** A held-out example with the SavedModel's answer. Values are flat, in row-major order. */
export interface Example {
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: Answer;
  /** The true answers by output, as golden.json has them; null or none where nobody knows them. */
  readonly truths: Readonly<Record<string, unknown>>;
}

/** Returns the contract of the model that the site at `base` carries. */
export async function loadContract(base: URL): Promise<Contract> {
  const contract = (await fetchJson('contract.json', base)) as Contract;
  requireSchema(contract, 'contract.json');
  if (!contract.inputs?.length || !contract.outputs?.length) {
    throw new Error('contract.json must name inputs and outputs; one is missing. Build the page again.');
  }
  return contract;
}

/** Returns the sample inputs that were released with the model. */
export async function loadExamples(base: URL, contract: Contract): Promise<Example[]> {
  const document = (await fetchJson('golden.json', base)) as GoldenDocument;
  requireSchema(document, 'golden.json');
  const first = contract.outputs[0]!.name;
  return document.examples.map(({ inputs, outputs, label, labels }) => ({
    inputs: Object.fromEntries(
      contract.inputs.map(({ name }) => [name, flatten(inputs[name])]),
    ),
    outputs: answerOf(outputs, contract),
    truths: labels ?? { [first]: label },
  }));
}

/** Returns the inputs that are filled with pictures. */
export function imageInputs(contract: Contract): readonly TensorSpec[] {
  return contract.inputs.filter((input) => input.kind === 'image');
}

/** Returns the first input that is filled with a picture, if there is one. */
export function imageInput(contract: Contract): TensorSpec | undefined {
  return imageInputs(contract)[0];
}

/** Returns how many values one example of the tensor holds. */
export function elements(tensor: TensorSpec): number {
  return tensor.shape.reduce((product, length) => product * length, 1);
}

/** Returns nested arrays by name as an answer. */
export function answerOf(outputs: Readonly<Record<string, unknown>>, contract: Contract): Answer {
  return Object.fromEntries(
    contract.outputs.map(({ name }) => [name, flatten(outputs[name]) as number[]]),
  );
}

/** Returns a nested array's values in row-major order; a scalar becomes one value. */
export function flatten(value: unknown): (number | string)[] {
  const values = Array.isArray(value) ? (value as unknown[]).flat(Infinity) : [value];
  return values.map((each) => (typeof each === 'boolean' ? Number(each) : each)) as (number | string)[];
}

interface GoldenDocument {
  readonly schema: number;
  readonly examples: readonly {
    readonly inputs: Record<string, unknown>;
    readonly outputs: Record<string, unknown>;
    readonly label: unknown;
    readonly labels?: Record<string, unknown>;
  }[];
}
