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

export interface Contract {
  readonly schema: number;
  readonly model: string;
  readonly title: string;
  readonly description: string;
  readonly version: number | null;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly labels: readonly string[];
}

export type Values = readonly (number | string)[];

/** One example's outputs by name, flat in row-major order; booleans are 0 and 1. */
export type Answer = Readonly<Record<string, readonly number[]>>;

/** A held-out example with the SavedModel's answer. Values are flat, in row-major order. */
export interface Example {
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: Answer;
  readonly label: number;
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
  return document.examples.map(({ inputs, outputs, label }) => ({
    inputs: Object.fromEntries(
      contract.inputs.map(({ name }) => [name, flatten(inputs[name])]),
    ),
    outputs: answerOf(outputs, contract),
    label,
  }));
}

/** Returns the output that holds the class probabilities. */
export function firstOutput(contract: Contract): TensorSpec {
  return contract.outputs[0]!;
}

/** Returns the input that is filled with a picture, if there is one. */
export function imageInput(contract: Contract): TensorSpec | undefined {
  return contract.inputs.find((input) => input.kind === 'image');
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
    readonly label: number;
  }[];
}
