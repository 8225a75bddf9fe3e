/** The interface to a loaded model, in TensorFlow.js (tensorflow.ts) or LiteRT.js (litert.ts). */
import type { Inputs } from './inputs.ts';

export interface Executor {
  /** The library and its version, for reports. */
  readonly version: string;
  /** Returns the first output: for each example in turn, one value per label. */
  run(inputs: Inputs): Promise<Float32Array>;
  /** Returns the memory in use; it is the same before and after a prediction. */
  memory(): Memory;
  /** Frees the model's weights. */
  dispose(): void;
}

export interface Memory {
  readonly tensors: number;
  readonly bytes: number;
}
