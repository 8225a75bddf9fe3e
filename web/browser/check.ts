/**
 * Runs examples through the released model runner, once per row, in a real browser.
 *
 * The job names the site, the files with the inputs, and the rows. Each row is an engine with a
 * form of the weights. The answer has one entry per row. The outputs are written as raw float32 to
 * the files that the job names. Each row runs in its own page, as many at a time as the job says.
 *
 * A row that fails, hangs or takes its page or browser down ends alone. Its first batch is
 * run a second time to find the operation at which that happens.
 */
import { writeFile } from 'node:fs/promises';

import type { Browser } from 'playwright-core';

import type { Operation } from '../app/src/trace.ts';
import { reason, runJob } from './job.ts';
import {
  median,
  OVERTIME,
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
  /** For each of its steps, in milliseconds. */
  readonly timeout: number;
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
  /** For finding the operation at which a row failed, in milliseconds. */
  readonly traceTimeout: number;
}

interface Row {
  readonly version: string;
  readonly firstMs: number;
  readonly p50Ms: number;
  /** The compressed size of the runner, its engine and the model. */
  readonly wireBytes: number;
  readonly problems: readonly string[];
}

interface Failure {
  readonly error: string;
  /** The operation that was running; null if none was, or if it is not known. */
  readonly operation?: Operation | null;
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

/** The address below the bench where a page announces an operation; traceOne knows it too. */
const STARTED = 'started';

await runJob((job: Job) => withBrowser((session) => checkAll(job, session)));

async function checkAll(job: Job, session: Session): Promise<unknown> {
  const { browser } = session;
  const rows: Record<string, Row | Failure> = {};
  const pages: [string, Run, Opened][] = [];
  const waiting = Object.entries(job.runs);
  const lost: typeof waiting = [];
  const fail = async (key: string, run: Run, failure: Failure): Promise<void> => {
    // The whole browser is gone, perhaps because of the row that ran beside this one.
    if (!browser.isConnected()) lost.push([key, run]);
    else rows[key] = { ...failure, operation: await failing(job, run, browser) };
  };
  // Each worker takes the next row when it has finished one.
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [key, run] = next;
      const opened = await attempt(() => predict(job, run, browser));
      if ('error' in opened) await fail(key, run, opened);
      else pages.push([key, run, opened]);
    }
  };
  await Promise.all(Array.from({ length: job.parallel }, work));
  // The rows are timed one after another, when nothing else runs.
  for (const [key, run, opened] of pages) {
    const timed = await attempt(() => time(run, opened));
    if ('error' in timed) await fail(key, run, timed);
    else rows[key] = timed;
  }
  for (const [key, run] of lost) {
    const own = await session.another();
    const timed = await attempt(async () => time(run, await predict(job, run, own)));
    const traced = 'error' in timed ? await failing(job, run, await session.another()) : null;
    rows[key] = 'error' in timed ? { ...timed, operation: traced } : timed;
  }
  return { browser: session.name, rows };
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    return { error: reason(error) };
  }
}

/** Runs a row's first batch again; returns the operation at which it fails, if it does. */
async function failing(job: Job, run: Run, browser: Browser): Promise<Operation | null> {
  let last: Operation | null = null;
  let announced = 0;
  const started = (operation: Operation): void => {
    [last, announced] = [operation, Date.now()];
  };
  const failed = await attempt(() => trace(job, run, browser, started));
  // At the limit, one operation hangs; or all take their time, and none can be blamed.
  const hangs = Date.now() - announced > job.traceTimeout / 4;
  if (!failed) return null;
  return failed.error.startsWith(OVERTIME) && !hangs ? null : last;
}

/** A row's page after it has run the examples, with the results so far. */
interface Opened extends WatchedPage {
  readonly order: Order;
  readonly loaded: Omit<Row, 'p50Ms' | 'problems'>;
}

async function predict(job: Job, run: Run, browser: Browser): Promise<Opened> {
  return onPage(job, run, browser, run.timeout, async (watched, order) => {
    const { page } = watched;
    const counted = await countedBytes(page, (url) => !url.startsWith(order.bench));
    await page.goto(order.bench);
    const loaded = { ...(await page.evaluate(load, order)), wireBytes: counted.bytes() };
    await page.evaluate(fetchInputs, order);
    await writeFile(run.outputs, Buffer.from(await page.evaluate(predictAll, order), 'base64'));
    return { ...watched, order, loaded };
  });
}

/** Predicts the first batch; `started` is called with each operation before it is executed. */
async function trace(
  job: Job,
  run: Run,
  browser: Browser,
  started: (operation: Operation) => void,
): Promise<null> {
  return onPage(job, run, browser, job.traceTimeout, async ({ page }, order) => {
    await page.route(`${order.bench}${STARTED}?*`, (route) => {
      started(JSON.parse(new URL(route.request().url()).searchParams.get('operation')!) as Operation);
      return route.fulfill({ body: '' });
    });
    await page.goto(order.bench);
    await page.evaluate(fetchInputs, order);
    await page.evaluate(traceOne, order);
    await page.context().close();
    return null;
  });
}

/**
 * Opens an empty page in a context of its own, where no cache or service worker is shared with the
 * next row. Ends the page if the work fails or takes too long: it may be at work for ever.
 */
async function onPage<T>(
  job: Job,
  { engine, weights, examples }: Run,
  browser: Browser,
  limit: number,
  work: (watched: WatchedPage, order: Order) => Promise<T>,
): Promise<T> {
  const site = new URL(job.url);
  const bench = new URL('__check__/', site);
  const inputs = Object.entries(job.inputs).map(([name, { type, elements }]) => ({ name, type, elements }));
  const { batch, timed, rows, extremes } = job;
  const order = { site: site.href, bench: bench.href, engine, weights, inputs, examples, rows, extremes, batch, timed };
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const watched = await watchedPage(context, site.origin);
    // The page and the inputs are served beside the site without being files of it.
    await watched.page.route(`${bench.href}*`, (route) => {
      const input = job.inputs[decodeURIComponent(new URL(route.request().url()).pathname.split('/').at(-1)!)];
      return input
        ? route.fulfill({ path: input.file, contentType: 'application/octet-stream' })
        : route.fulfill({ body: '<!doctype html><title>check</title>', headers: ISOLATED });
    });
    return await withTimeout(limit, Promise.race([work(watched, order), watched.crash]));
  } catch (error) {
    context.close().catch(() => undefined);
    throw error;
  }
}

async function time({ timeout }: Run, { page, problems, crash, order, loaded }: Opened): Promise<Row> {
  const timing = Promise.race([page.evaluate(timeSingles, order), crash]);
  const { times, before, after, unused } = await withTimeout(timeout, timing);
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

async function fetchInputs({ bench, inputs }: Order) {
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
}

/** Returns all outputs as base64. */
async function predictAll({ examples, rows, extremes, batch }: Order) {
  const page = globalThis as unknown as Bench;
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

/** Announces each operation by a request that is answered before the operation is executed. */
async function traceOne({ site, bench, engine, weights, examples, batch }: Order) {
  const build = await (await fetch(new URL('build.json', site))).json();
  const { Runner } = await import(new URL(build['src/runner.ts'].file, site).href);
  const { rows } = globalThis as unknown as Bench;
  await Runner.trace(site, { engine, weights }, rows(0, Math.min(batch, examples)), (operation: unknown) => {
    const request = new XMLHttpRequest();
    const address = new URL('started', bench);
    address.searchParams.set('operation', JSON.stringify(operation));
    request.open('GET', address, false);
    request.send();
  });
}
