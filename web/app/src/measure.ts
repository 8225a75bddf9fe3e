/** Measures on this device how fast each engine is, and whether it computes the same answers. */
import type { Example } from './contract.ts';
import { type Engine, engineTitle } from './engines.ts';
import { largestDifference } from './numbers.ts';
import { Runner } from './runner.ts';
import type { Site } from './site.ts';

export interface Measurement {
  readonly engine: Engine;
  readonly weights: string;
  /** Loading and the first prediction, in milliseconds. */
  readonly firstMs?: number;
  /** The median of one prediction. */
  readonly medianMs?: number;
  /** The largest difference from the SavedModel's answers to samples, relative to each output. */
  readonly difference?: number;
  /** What is wrong with the engine; empty if nothing is. */
  readonly problem: string;
}

// No form of the weights changes an answer by this share of its output's largest value, but a faulty
// graphics driver does.
export const MAX_DIFFERENCE = 0.05;
const ROUNDS = 40;
const MAX_MS = 1500;

/** Returns one engine's figures, or the problem of an engine that does not run here. */
export async function measure(
  site: Site,
  engine: Engine,
  weights: string | undefined,
  examples: readonly Example[],
): Promise<Measurement> {
  try {
    const start = performance.now();
    const runner = await Runner.open(site, weights === undefined ? { engine } : { engine, weights });
    try {
      const firstMs = performance.now() - start;
      const difference = await differenceOn(runner, examples);
      const medianMs = await medianOf(runner, examples);
      const problem = difference > MAX_DIFFERENCE ? 'computes different answers here' : '';
      return { engine, weights: runner.weights, firstMs, medianMs, difference, problem };
    } finally {
      runner.dispose();
    }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { engine, weights: weights ?? '', problem };
  }
}

/**
 * Returns the largest difference from the SavedModel's answers to the released samples, relative to
 * the largest value of each output. A slow engine runs only as many samples as it can in a while.
 */
export async function differenceOn(runner: Runner, examples: readonly Example[]): Promise<number> {
  let largest = 0;
  const begin = performance.now();
  for (const { inputs, outputs } of examples) {
    const answer = await runner.predictAll(inputs);
    for (const { name } of runner.contract.outputs) {
      const difference = largestDifference(answer[name]!, outputs[name]!);
      largest = Math.max(largest, difference / sizeOf(name, examples));
    }
    if (performance.now() - begin > MAX_MS) break;
  }
  return largest;
}

/** Returns the fastest of the engines that compute correctly. */
export function fastest(measurements: readonly Measurement[]): Measurement | undefined {
  const sound = measurements.filter((one) => !one.problem && one.medianMs !== undefined);
  return sound.toSorted((a, b) => a.medianMs! - b.medianMs!)[0];
}

/** Returns why the fastest engine was chosen, with the times of the others. */
export function reason(measurements: readonly Measurement[]): string {
  const best = fastest(measurements);
  if (!best) return '';
  const others = measurements
    .filter((one) => one !== best && one.medianMs !== undefined)
    .map((one) => `${engineTitle(one.engine)} ${shownMs(one.medianMs!)}`);
  const than = others.length ? `; ${others.join(', ')}` : '';
  return `${engineTitle(best.engine)} was the fastest on this device: ${shownMs(best.medianMs!)}${than}.`;
}

export function shownMs(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 1 ? 2 : milliseconds < 10 ? 1 : 0)} ms`;
}

async function medianOf(runner: Runner, examples: readonly Example[]): Promise<number> {
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < ROUNDS && (times.length < 3 || performance.now() - begin < MAX_MS)) {
    const { inputs } = examples[times.length % examples.length]!;
    const start = performance.now();
    await runner.predictAll(inputs);
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function sizeOf(output: string, examples: readonly Example[]): number {
  let largest = 0;
  for (const { outputs } of examples) {
    for (const value of outputs[output]!) largest = Math.max(largest, Math.abs(value));
  }
  return largest || 1;
}
