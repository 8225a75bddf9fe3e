/** Turns a contract's inputs into tensors. */
import type * as Core from '@tensorflow/tfjs-core';

import { elements, type TensorSpec } from './contract.ts';

export type TensorData = Float32Array | Int32Array | Uint8Array | readonly (number | string)[];
/** For each input of the contract, one or more examples, flat in row-major order. */
export type Inputs = Readonly<Record<string, TensorData>>;

type ElementType = 'float32' | 'int32' | 'bool' | 'string';

/** Returns TensorFlow.js' element type; it has one float and one integer type. */
export function elementType(spec: TensorSpec): ElementType {
  if (spec.dtype.startsWith('float')) return 'float32';
  if (spec.dtype.includes('int')) return 'int32';
  if (spec.dtype.startsWith('bool')) return 'bool';
  return 'string';
}

/**
 * Returns one tensor an input, which the caller frees. Throws when values do not fit the shape.
 *
 * @param tensor TensorFlow.js' function, handed in as Node.js and the page load it differently.
 */
export function toTensors(
  tensor: typeof Core.tensor,
  inputs: Inputs,
  specs: readonly TensorSpec[],
): Core.NamedTensorMap {
  const counts = specs.map((spec) => exampleCount(inputs[spec.name], spec));
  if (new Set(counts).size !== 1) {
    throw new Error(`The inputs hold different numbers of examples: ${counts.join(', ')}.`);
  }
  return Object.fromEntries(
    specs.map((spec, index) => [
      spec.name,
      tensor(
        inputs[spec.name] as Core.TensorLike,
        [counts[index]!, ...spec.shape],
        elementType(spec),
      ),
    ]),
  );
}

function exampleCount(data: TensorData | undefined, spec: TensorSpec): number {
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
