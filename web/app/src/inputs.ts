/** Raw inputs as callers pass them, outputs as they get them, and the contract's types. */
import { elements, type TensorSpec } from './contract.ts';

export type TensorData = Float32Array | Int32Array | Uint8Array | readonly (number | string)[];
/** For each input of the contract, one or more examples, flat in row-major order. */
export type Inputs = Readonly<Record<string, TensorData>>;

export type OutputData = Float32Array | Int32Array | Uint8Array;
/** For each output of the contract, its values: for each example in turn, flat in row-major order. */
export type Outputs = Readonly<Record<string, OutputData>>;

export type ElementType = 'float32' | 'int32' | 'bool' | 'string';

/** Returns the element type that the engines know; they have one float and one integer type. */
export function elementType(spec: TensorSpec): ElementType {
  if (spec.dtype.startsWith('float')) return 'float32';
  if (spec.dtype.includes('int')) return 'int32';
  if (spec.dtype.startsWith('bool')) return 'bool';
  return 'string';
}

/** Returns the range of whole numbers that a tensor and the engines can hold; all, for fractions. */
export function wholeRange({ dtype }: TensorSpec): [least: number, most: number] {
  const [, unsigned, digits] = /^(u?)int(\d+)$/.exec(dtype) ?? [];
  if (!digits) return [-Infinity, Infinity];
  const bits = Math.min(Number(digits), 32);
  const half = 2 ** (bits - 1);
  return unsigned ? [0, Math.min(2 * half, 2 ** 31) - 1] : [-half, half - 1];
}

/** Returns numbers in the type that every engine gives for the tensor; booleans become 0 and 1. */
export function typed(values: ArrayLike<number>, spec: TensorSpec): OutputData {
  const type = TYPES[elementType(spec)];
  return values instanceof type ? values : type.from(values);
}

const TYPES: Record<ElementType, typeof Float32Array | typeof Int32Array | typeof Uint8Array> = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  // No output holds texts.
  string: Uint8Array,
};

/** Returns how many examples the inputs hold. Throws when values do not fit the shapes. */
export function exampleCount(inputs: Inputs, specs: readonly TensorSpec[]): number {
  const counts = specs.map((spec) => countOf(inputs[spec.name], spec));
  if (new Set(counts).size !== 1) {
    throw new Error(`The inputs hold different numbers of examples: ${counts.join(', ')}.`);
  }
  return counts[0]!;
}

function countOf(data: TensorData | undefined, spec: TensorSpec): number {
  if (!data) throw new Error(`The input ${spec.name} is missing.`);
  const count = data.length / elements(spec);
  if (!count || !Number.isInteger(count)) {
    throw new Error(
      `The input ${spec.name} has ${data.length} values; ` +
        `an example has ${elements(spec)} (${spec.shape.join(' × ') || 'a scalar'}).`,
    );
  }
  return count;
}
