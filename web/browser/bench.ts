/**
 * Opens pages in turn, each as a first visit; measures what they load and how fast they predict.
 *
 * A page sets `predict` when its model is ready. The released page does not: it shows its first
 * answer. For each page, the result has the median bytes over the wire and time to the first
 * prediction. If there is `predict`, it also has the time of a prediction and the last output.
 */
import type { Browser } from 'playwright-core';

import { runJob } from './job.ts';
import { median, type Session, withBrowser, withTimeout } from './session.ts';
import { countedBytes } from './wire.ts';

interface Job {
  readonly answer: string;
  readonly pages: Record<string, string>;
  /** One example, flat. */
  readonly inputs: Record<string, number[]>;
  readonly rounds: number;
  readonly timed: number;
  readonly timeout: number;
}

interface Visit {
  readonly bytes: number;
  readonly firstMs: number;
  readonly p50Ms?: number;
  readonly output?: number[];
}

await runJob((job: Job) => withBrowser((session) => bench(job, session)));

async function bench(job: Job, { browser, name }: Session): Promise<unknown> {
  const visits: Record<string, Visit[]> = {};
  for (let round = 0; round < job.rounds; round++) {
    // In turn, so that a machine that changes its speed changes it for all of them.
    for (const [page, url] of Object.entries(job.pages)) {
      (visits[page] ??= []).push(await withTimeout(job.timeout, visit(job, url, browser)));
    }
  }
  const middle = (all: Visit[], of: (visit: Visit) => number) => median(all.map(of));
  const rows = Object.entries(visits).map(([page, all]) => ({
    page,
    bytes: middle(all, (one) => one.bytes),
    firstMs: middle(all, (one) => one.firstMs),
    p50Ms: middle(all, (one) => one.p50Ms ?? NaN),
    output: all.at(-1)!.output ?? [],
  }));
  return { browser: name, rows };
}

async function visit(job: Job, url: string, browser: Browser): Promise<Visit> {
  // tf.min.js evaluates text as code, which the content security policy of our server forbids.
  const context = await browser.newContext({ serviceWorkers: 'block', bypassCSP: true });
  try {
    const page = await context.newPage();
    const counted = await countedBytes(page, () => true);
    await page.goto(url);
    await page.waitForFunction(
      () => 'predict' in globalThis || document.querySelector('#app[data-status="ready"]'),
      undefined,
      { timeout: job.timeout },
    );
    const measured = await page.evaluate(measure, { inputs: job.inputs, timed: job.timed });
    return { ...measured, bytes: counted.bytes() };
  } finally {
    await context.close();
  }
}

/** Runs in the page. It uses nothing from this module: the driver sends only its text. */
async function measure({ inputs, timed }: Pick<Job, 'inputs' | 'timed'>) {
  const { predict } = globalThis as unknown as {
    predict?(inputs: Record<string, Float32Array>): Promise<Float32Array>;
  };
  if (!predict) return { firstMs: performance.now() };
  const example = Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, Float32Array.from(values)]),
  );
  let output = await predict(example);
  // Since the navigation began.
  const firstMs = performance.now();
  const times: number[] = [];
  for (let index = 0; index < timed; index++) {
    const start = performance.now();
    output = await predict(example);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { firstMs, p50Ms: times[times.length >> 1]!, output: Array.from(output) };
}
