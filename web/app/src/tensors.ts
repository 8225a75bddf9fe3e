/** Turns a contract's inputs into TensorFlow.js' tensors. */
import type * as Core from '@tensorflow/tfjs-core';

import type { TensorSpec } from './contract.ts';
import { elementType, exampleCount, type Inputs, type TensorData, typed } from './inputs.ts';

/**
 * Returns one tensor per input, which the caller frees. Throws when values do not fit the shape.
 *
 * @param tensor TensorFlow.js' function, an argument as Node.js and the page load it differently.
 */
export function toTensors(
  tensor: typeof Core.tensor,
  inputs: Inputs,
  specs: readonly TensorSpec[],
): Core.NamedTensorMap {
  const count = exampleCount(inputs, specs);
  return Object.fromEntries(
    specs.map((spec) => [
      spec.name,
      tensor(valuesOf(inputs[spec.name]!, spec), [count, ...spec.shape], elementType(spec)),
    ]),
  );
}

/** TensorFlow.js takes an array of another type as it is, whatever type it is told. */
function valuesOf(data: TensorData, spec: TensorSpec): Core.TensorLike {
  return elementType(spec) === 'string' ? (data as string[]) : typed(data as ArrayLike<number>, spec);
}
