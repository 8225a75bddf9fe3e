/** Values of which each says yes or no, on its side of a threshold. */
import type { OutputSpec } from '../contract.ts';
import { percent, shown } from '../numbers.ts';
import type { Bar } from './bars.ts';

/** Returns a bar with a mark for the threshold. */
export function thresholdBar(
  { threshold, minimum, maximum }: OutputSpec,
  label: string,
  value: number | undefined,
  server: number | undefined,
): Bar {
  const [low, high] = [minimum ?? Math.min(0, threshold * 2), maximum ?? Math.max(1, threshold * 2)];
  const share = (of: number | undefined) => (of === undefined ? of : (of - low) / (high - low || 1));
  return {
    label,
    share: share(value),
    text: value === undefined ? '' : valueText(value, low, high),
    server: share(server),
    threshold: share(threshold)!,
    chosen: value !== undefined && value > threshold,
  };
}

/** Returns a probability as per cent, any other number as it is. */
function valueText(value: number, low: number, high: number): string {
  return low === 0 && high === 1 ? percent(value) : shown(value);
}

/** Returns the threshold in words. */
export function thresholdText({ threshold, minimum, maximum }: OutputSpec): string {
  return valueText(threshold, minimum ?? 0, maximum ?? 1);
}
