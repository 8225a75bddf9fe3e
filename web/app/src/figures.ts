/** The figures beside the answer: those of the release, this device and the model server. */
import { percent } from './bars.ts';
import { type Contract, firstOutput } from './contract.ts';
import { engineTitle } from './engines.ts';
import { fastest, type Measurement, shownMs } from './measure.ts';
import { largestDifference, topClass } from './probabilities.ts';
import type { Released } from './released.ts';
import type { ServerAnswer } from './server.ts';
import type { Result } from './state.ts';
import { renderTable } from './table.ts';

/** Returns the model's version and accuracy in one line. */
export function released({ version, created, metrics }: Released): string {
  const facts = [version === null ? 'Not released' : `Version ${version}`];
  if (metrics.accuracy !== undefined) {
    const examples = metrics.examples ? ` of ${metrics.examples.toLocaleString('en')} test examples` : '';
    facts.push(`${(metrics.accuracy * 100).toFixed(1)} %${examples} correct`);
  }
  if (created) facts.push(new Date(created).toLocaleDateString('en', { dateStyle: 'long' }));
  return facts.join(' · ');
}

export function renderChecks(table: HTMLTableElement, { checks }: Released): void {
  const heads = ['Target', 'Runtime', 'Weights', 'Examples', 'Accuracy', 'Agreement', 'Difference', 'Median'];
  renderTable(
    table,
    heads,
    checks.map((check) => [
      check.target,
      check.runtime,
      check.variant,
      check.examples?.toLocaleString('en') ?? check.status,
      check.accuracy?.toFixed(4) ?? '',
      check.agreement?.toFixed(4) ?? '',
      shownDifference(check.max_abs_diff ?? undefined),
      check.p50_ms === null ? '' : shownMs(check.p50_ms),
    ]),
  );
}

export function renderMeasurements(table: HTMLTableElement, measurements: readonly Measurement[]): void {
  const best = fastest(measurements);
  renderTable(
    table,
    ['Engine', 'Weights', 'Median', 'Load and first answer', 'Difference', 'Comparison'],
    measurements.map((one) => [
      engineTitle(one.engine),
      one.weights,
      one.medianMs === undefined ? '' : shownMs(one.medianMs),
      one.firstMs === undefined ? '' : shownMs(one.firstMs),
      shownDifference(one.difference),
      one.problem || (one === best ? 'fastest' : `${(one.medianMs! / best!.medianMs!).toFixed(1)} × as long`),
    ]),
  );
}

/** Returns the server's answer, compared with the browser's. */
export function compared(answer: ServerAnswer, result: Result, contract: Contract): string {
  if (!answer.answer) return `No comparison with the model server: ${answer.problem}.`;
  const { name } = firstOutput(contract);
  const probabilities = answer.answer[name]!;
  const top = topClass(probabilities);
  const difference = shownDifference(largestDifference(probabilities, result.answer[name]!));
  return (
    `Model server: ${contract.labels[top]} · ${percent(probabilities[top]!)}, ` +
    `${shownMs(answer.milliseconds!)} round trip; largest difference ${difference}`
  );
}

function shownDifference(value: number | undefined): string {
  if (value === undefined) return '';
  return value === 0 ? '0' : value.toExponential(1);
}
