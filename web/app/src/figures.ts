/** The figures beside the answer: those of the release, this device and the model server. */
import type { Answer } from './contract.ts';
import { engineTitle } from './engines.ts';
import { fastest, type Measurement, shownMs } from './measure.ts';
import { largestDifference, shown } from './numbers.ts';
import type { Released } from './released.ts';
import type { ServerAnswer } from './server.ts';
import type { Result } from './state.ts';
import { renderTable } from './table.ts';

/** Returns the model's version and score in one line. */
export function released({ version, created, metrics }: Released, madeUp: boolean): string {
  const facts = [version === null ? 'Not released' : `Version ${version}`];
  const { accuracy, score, metric, examples } = metrics;
  const count = examples?.toLocaleString('en') ?? '';
  if (madeUp) {
    // A score would compare the model with its own answers.
    if (count) facts.push(`checked with ${count} made-up inputs`);
  } else if (typeof accuracy === 'number') {
    facts.push(`${(accuracy * 100).toFixed(1)} %${count && ` of ${count} test examples`} correct`);
  } else if (typeof score === 'number') {
    facts.push(`${metric} ${shown(score)}${count && ` on ${count} test examples`}`);
  }
  if (created) facts.push(new Date(created).toLocaleDateString('en', { dateStyle: 'long' }));
  return facts.join(' · ');
}

export function renderChecks(table: HTMLTableElement, { checks }: Released, madeUp: boolean): void {
  const metric = checks.find((check) => check.metric)?.metric ?? 'accuracy';
  const score = madeUp ? [] : [metric.charAt(0).toUpperCase() + metric.slice(1)];
  renderTable(
    table,
    ['Target', 'Runtime', 'Weights', 'Examples', ...score, 'Agreement', 'Difference', 'Median'],
    checks.map((check) => [
      check.target,
      check.runtime,
      check.variant,
      check.examples?.toLocaleString('en') ?? check.status,
      ...score.map(() => (check.score ?? check.accuracy)?.toFixed(4) ?? ''),
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

/** Returns the server's answer, compared with the browser's; `decision` puts an answer into words. */
export function compared(
  { answer, milliseconds, problem }: ServerAnswer,
  result: Result,
  decision: (answer: Answer) => string,
): string {
  if (!answer) return `No comparison with the model server: ${problem}.`;
  const differences = Object.entries(answer).map(([name, values]) =>
    largestDifference(values, result.answer[name]!),
  );
  return (
    `Model server: ${decision(answer)}, ${shownMs(milliseconds!)} round trip; ` +
    `largest difference ${shownDifference(Math.max(...differences))}`
  );
}

function shownDifference(value: number | undefined): string {
  if (value === undefined) return '';
  return value === 0 ? '0' : value.toExponential(1);
}
