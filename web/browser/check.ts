/**
 * Runs examples through the released model runner, once per row, in a real browser.
 *
 * The job names the site, the files with the inputs, and the rows. Each row is an engine with a
 * form of the weights. The answer has one entry per row. The outputs are written as raw float32 to
 * the files that the job names. Each row runs in its own page, as many at a time as the job says.
 */
import { writeFile } from 'node:fs/promises';

import type { Browser } from 'playwright-core';

import { reason, runJob } from './job.ts';
import {
  median,
  type Session,
  type WatchedPage,
  watchedPage,
  withBrowser,
  withTimeout,
} from './session.ts';
import { countedBytes } from './wire.ts';

type InputType = 'float32' | 'int32' | 'bool' | 'string';

interface Run {
  readonly engine: string;
  readonly weights: string;
  /** How many examples it runs. */
  readonly examples: number;
  /** The file that its outputs go to. */
  readonly outputs: string;
}

interface Job {
  readonly answer: string;
  readonly url: string;
  readonly runs: Record<string, Run>;
  readonly inputs: Record<string, { file: string; type: InputType; elements: number }>;
  /** How many rows each input has; the last ones, as many as `extremes`, every run predicts. */
  readonly rows: number;
  readonly extremes: number;
  readonly batch: number;
  /** How many predictions of a single example are timed. */
  readonly timed: number;
  /** How many rows run at a time. */
  readonly parallel: number;
  /** For one row, in milliseconds. */
  readonly timeout: number;
}

interface Row {
  readonly version: string;
  readonly firstMs: number;
  readonly p50Ms: number;
  /** The compressed size of the runner, its engine and the model. */
  readonly wireBytes: number;
  readonly problems: readonly string[];
}

/**
 * The headers with which the page itself is served. A page that does not share its process has a
 * clock of 5 µs. With the clock of other pages, of 100 µs, a prediction may seem to take no time.
 */
const ISOLATED = {
  'content-type': 'text/html',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

await runJob((job: Job) => withBrowser((session) => checkAll(job, session)));

async function checkAll(job: Job, { browser, name }: Session): Promise<unknown> {
  const rows: Record<string, Row | { error: string }> = {};
  const pages: Record<string, Opened> = {};
  const waiting = Object.entries(job.runs);
  // Each worker takes the next row when it has finished one.
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [key, run] = next;
      const result = await attempt(job, () => predict(job, run, browser));
      if ('error' in result) rows[key] = result;
      else pages[key] = result;
    }
  };
  await Promise.all(Array.from({ length: job.parallel }, work));
  // The rows are timed one after another, when nothing else runs.
  for (const [key, opened] of Object.entries(pages)) {
    rows[key] = await attempt(job, () => time(opened));
  }
  return { browser: name, rows };
}

async function attempt<T>(job: Job, work: () => Promise<T>): Promise<T | { error: string }> {
  try {
    return await withTimeout(job.timeout, work());
  } catch (error) {
    return { error: reason(error) };
  }
}

/** A row's page after it has run the examples, with the results so far. */
interface Opened extends WatchedPage {
  readonly order: Order;
  readonly loaded: Omit<Row, 'p50Ms' | 'problems'>;
}

async function predict(job: Job, run: Run, browser: Browser): Promise<Opened> {
  const site = new URL(job.url);
  // Each row has its own context: no cache or service worker is shared with the next row.
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const { page, problems } = await watchedPage(context, site.origin);
  const bench = new URL('__check__/', site);
  // An empty page and the inputs are served beside the site without being files of it.
  await page.route(`${bench.href}*`, (route) => {
    const input = job.inputs[decodeURIComponent(new URL(route.request().url()).pathname.split('/').at(-1)!)];
    return input
      ? route.fulfill({ path: input.file, contentType: 'application/octet-stream' })
      : route.fulfill({ body: '<!doctype html><title>check</title>', headers: ISOLATED });
  });
  const counted = await countedBytes(page, (url) => !url.startsWith(bench.href));
  await page.goto(bench.href);
  const { engine, weights, examples } = run;
  const inputs = Object.entries(job.inputs).map(([name, { type, elements }]) => ({ name, type, elements }));
  const { batch, timed, rows, extremes } = job;
  const order = { site: site.href, bench: bench.href, engine, weights, inputs, examples, rows, extremes, batch, timed };
  const loaded = { ...(await page.evaluate(load, order)), wireBytes: counted.bytes() };
  await writeFile(run.outputs, Buffer.from(await page.evaluate(predictAll, order), 'base64'));
  return { page, problems, order, loaded };
}

async function time({ page, problems, order, loaded }: Opened): Promise<Row> {
  const { times, before, after, unused } = await page.evaluate(timeSingles, order);
  for (const what of ['tensors', 'bytes'] as const) {
    const leaked = after[what] - before[what];
    if (leaked) problems.push(`${leaked} ${what} leaked`);
  }
  if (unused.length) problems.push(`kernels that the model does not use: ${unused.join(', ')}`);
  await page.context().close();
  return { ...loaded, p50Ms: median(times), problems };
}

interface Memory {
  readonly tensors: number;
  readonly bytes: number;
}

interface Order {
  readonly site: string;
  readonly bench: string;
  readonly engine: string;
  readonly weights: string;
  readonly inputs: readonly { name: string; type: InputType; elements: number }[];
  readonly examples: number;
  readonly rows: number;
  readonly extremes: number;
  readonly batch: number;
  readonly timed: number;
}

/** The values that the functions below pass to one another in the page. */
interface Bench {
  // The page's own module, which has no types here.
  Runner: any;
  runner: any;
  before: Memory;
  rows(from: number, to: number): Record<string, unknown>;
}

// These run in the page. They use nothing from this module: the driver sends only their text.

async function load({ site, engine, weights }: Order) {
  const build = await (await fetch(new URL('build.json', site))).json();
  const start = performance.now();
  const { Runner } = await import(new URL(build['src/runner.ts'].file, site).href);
  const runner = await Runner.load(site, { engine, weights });
  const firstMs = performance.now() - start;
  Object.assign(globalThis, { Runner, runner, before: runner.memory() });
  return { version: runner.version as string, firstMs };
}

/** Returns all outputs as base64. */
async function predictAll({ bench, inputs, examples, rows, extremes, batch }: Order) {
  const page = globalThis as unknown as Bench;
  const values: Record<string, { slice(from: number, to: number): unknown }> = {};
  for (const { name, type } of inputs) {
    const body = await (await fetch(new URL(encodeURIComponent(name), bench))).arrayBuffer();
    if (type === 'string') values[name] = JSON.parse(new TextDecoder().decode(body));
    else if (type === 'float32') values[name] = new Float32Array(body);
    else if (type === 'int32') values[name] = new Int32Array(body);
    else values[name] = new Uint8Array(body);
  }
  page.rows = (from, to) =>
    Object.fromEntries(
      inputs.map(({ name, elements }) => [
        name,
        values[name]!.slice(from * elements, to * elements),
      ]),
    );
  const chunks: Float32Array[] = [];
  for (const [first, end] of [[0, examples], [rows - extremes, rows]] as const) {
    for (let from = first; from < end; from += batch) {
      chunks.push(await page.runner.predict(page.rows(from, Math.min(from + batch, end))));
    }
  }
  const bytes = new Uint8Array(await new Blob(chunks as Float32Array<ArrayBuffer>[]).arrayBuffer());
  let text = '';
  for (let from = 0; from < bytes.length; from += 8192) {
    text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  }
  return btoa(text);
}

/** Times single predictions, and measures the memory in use after all of them. */
async function timeSingles({ site, engine, weights, examples, timed }: Order) {
  const { Runner, runner, rows, before } = globalThis as unknown as Bench;
  const times: number[] = [];
  for (let index = 0; index < Math.min(timed, examples); index++) {
    const one = rows(index, index + 1);
    const begin = performance.now();
    await runner.predict(one);
    times.push(performance.now() - begin);
  }
  const after: Memory = runner.memory();
  runner.dispose();
  const { registered, used } = await Runner.kernels(site, { engine, weights }, rows(0, 1));
  const unused = (registered as string[]).filter((name) => !used.includes(name));
  return { times, before, after, unused };
}
