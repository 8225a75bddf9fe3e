/** The interface to a loaded model, in TensorFlow.js (tensorflow.ts) or LiteRT.js (litert.ts). */
import type { Inputs, Outputs } from './inputs.ts';

export interface Executor {
  /** The library and its version, for reports. */
  readonly version: string;
  run(inputs: Inputs): Promise<Outputs>;
  /** Returns the memory in use; it is the same before and after a prediction. */
  memory(): Memory;
  /** Frees the model's weights. */
  dispose(): void;
}

export interface Memory {
  readonly tensors: number;
  readonly bytes: number;
}
