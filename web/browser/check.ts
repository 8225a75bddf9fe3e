/**
 * Runs examples through the released model runner, once per row, in a real browser.
 *
 * The job names the site, the files with the inputs, and the rows. Each row is an engine with a
 * form of the weights. The answer has one entry per row. Each output is written to the file that
 * the job names, in the type that the runner returns. Each row runs in its own page, as many at a
 * time as the job says.
 *
 * A row runs examples until its budget of time is spent, and then extreme inputs in half of that. It
 * fetches them batch by batch, so that a page holds only one batch of large inputs.
 *
 * A row that fails, hangs or takes its page or browser down ends alone. The size of batch at which
 * that happens is run a second time to find the operation.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';

import type { Browser, Page } from 'playwright-core';

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
/** In bytes; texts are JSON. */
const SIZES = { float32: 4, int32: 4, bool: 1 } as const;

interface Input {
  readonly file: string;
  readonly type: InputType;
  /** How many values a row has. */
  readonly elements: number;
}

interface Run {
  readonly engine: string;
  readonly weights: string;
  /** How many examples it runs at most and at least. */
  readonly examples: number;
  readonly least: number;
  /** The time for the examples, in milliseconds. */
  readonly budget: number;
  /** Whether the page's kernels are compared with those that run: once for each engine. */
  readonly kernels: boolean;
  /** The file that each output goes to. */
  readonly outputs: Record<string, string>;
}

interface Job {
  readonly answer: string;
  readonly url: string;
  readonly runs: Record<string, Run>;
  readonly inputs: Record<string, Input>;
  /** How many rows each input has. The last ones, as many as `extremes`, are for every run. */
  readonly rows: number;
  readonly extremes: number;
  /** How many extreme inputs a run predicts at least. */
  readonly leastExtremes: number;
  /** The largest batch. */
  readonly batch: number;
  /** How many predictions of a single example are timed, in a fourth of the budget. */
  readonly timed: number;
  /** How many rows run at a time. */
  readonly parallel: number;
  /** For each step of a run, in milliseconds. */
  readonly timeout: number;
  /** For finding the operation at which a row failed, in milliseconds. */
  readonly traceTimeout: number;
}

interface Row {
  readonly version: string;
  readonly examples: number;
  readonly extremes: number;
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

/** How many examples a run takes at once at the moment. */
interface Progress {
  batch: number;
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
  const pages: [string, Run, Opened, Progress][] = [];
  const waiting = Object.entries(job.runs);
  const lost: typeof waiting = [];
  const fail = async (key: string, run: Run, failure: Failure, progress: Progress): Promise<void> => {
    // The whole browser is gone, perhaps because of the row that ran beside this one.
    if (!browser.isConnected()) lost.push([key, run]);
    else rows[key] = { ...failure, operation: await failing(job, run, browser, progress) };
  };
  // Each worker takes the next row when it has finished one.
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [key, run] = next;
      const progress = { batch: 1 };
      const opened = await attempt(() => predict(job, run, browser, progress));
      if ('error' in opened) await fail(key, run, opened, progress);
      else pages.push([key, run, opened, { batch: 1 }]);
    }
  };
  await Promise.all(Array.from({ length: job.parallel }, work));
  // The rows are timed one after another, when nothing else runs.
  for (const [key, run, opened, progress] of pages) {
    const timed = await attempt(() => time(job, opened));
    if ('error' in timed) await fail(key, run, timed, progress);
    else rows[key] = timed;
  }
  for (const [key, run] of lost) {
    const own = await session.another();
    const progress = { batch: 1 };
    const timed = await attempt(async () => time(job, await predict(job, run, own, progress)));
    const traced = async () => failing(job, run, await session.another(), progress);
    rows[key] = 'error' in timed ? { ...timed, operation: await traced() } : timed;
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

/** Runs a row's first examples again; returns the operation at which it fails, if it does. */
async function failing(
  job: Job,
  run: Run,
  browser: Browser,
  { batch }: Progress,
): Promise<Operation | null> {
  let last: Operation | null = null;
  let announced = 0;
  const started = (operation: Operation): void => {
    [last, announced] = [operation, Date.now()];
  };
  const failed = await attempt(() => trace(job, run, browser, batch, started));
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

async function predict(job: Job, run: Run, browser: Browser, progress: Progress): Promise<Opened> {
  return onPage(job, run, browser, job.timeout, async (watched, order, within) => {
    const { page } = watched;
    const counted = await countedBytes(page, (url) => !url.startsWith(order.bench));
    await within(page.goto(order.bench));
    const loaded = { ...(await within(page.evaluate(load, order))), wireBytes: counted.bytes() };
    await page.evaluate(prepareRows, order);
    const ran = await predictBatches(job, run, page, within, progress);
    return { ...watched, order: { ...order, examples: ran.examples }, loaded: { ...loaded, ...ran } };
  });
}

/** Predicts examples, then extreme inputs; returns how many of them there was time for. */
async function predictBatches(
  job: Job,
  run: Run,
  page: Page,
  within: Within,
  progress: Progress,
): Promise<Pick<Row, 'examples' | 'extremes'>> {
  const files: [string, FileHandle][] = [];
  const begin = performance.now();
  const batch = async (from: number, end: number): Promise<number> => {
    const to = Math.min(from + progress.batch, end);
    const outputs = await within(page.evaluate(predictRows, { from, to }));
    for (const [name, file] of files) await file.write(Buffer.from(outputs[name]!, 'base64'));
    return to;
  };
  try {
    for (const [name, file] of Object.entries(run.outputs)) files.push([name, await open(file, 'w')]);
    let done = await batch(0, run.examples);
    // The first example says how long one takes: a batch should need a tenth of its time limit.
    const fits = Math.floor(job.timeout / 10 / (performance.now() - begin));
    progress.batch = Math.max(1, Math.min(job.batch, fits));
    const spent = () => (performance.now() - begin) / run.budget;
    while (done < run.examples && (done < run.least || spent() < 1)) done = await batch(done, run.examples);
    const first = job.rows - job.extremes;
    let row = first;
    while (row < job.rows && (row < first + job.leastExtremes || spent() < 1.5)) row = await batch(row, job.rows);
    return { examples: done, extremes: row - first };
  } finally {
    await Promise.all(files.map(([, file]) => file.close()));
  }
}

/** Predicts a batch; `started` is called with each operation before it is executed. */
async function trace(
  job: Job,
  run: Run,
  browser: Browser,
  batch: number,
  started: (operation: Operation) => void,
): Promise<null> {
  return onPage(job, run, browser, job.traceTimeout, async ({ page }, order, within) => {
    const traced = async (): Promise<void> => {
      await page.route(`${order.bench}${STARTED}?*`, (route) => {
        started(JSON.parse(new URL(route.request().url()).searchParams.get('operation')!) as Operation);
        return route.fulfill({ body: '' });
      });
      await page.goto(order.bench);
      await page.evaluate(prepareRows, order);
      await page.evaluate(traceOne, { ...order, batch });
    };
    await within(traced());
    await page.context().close();
    return null;
  });
}

/** Rejects when the work takes too long, or when the page's process ends. */
type Within = <T>(work: Promise<T>) => Promise<T>;

/**
 * Opens an empty page in a context of its own, where no cache or service worker is shared with the
 * next row. Ends the page if the work fails or takes too long: it may be at work for ever.
 *
 * @param limit the milliseconds for each step that the work waits for with `within`.
 */
async function onPage<T>(
  job: Job,
  { engine, weights, examples, budget, kernels }: Run,
  browser: Browser,
  limit: number,
  work: (watched: WatchedPage, order: Order, within: Within) => Promise<T>,
): Promise<T> {
  const site = new URL(job.url);
  const bench = new URL('__check__/', site);
  const inputs = Object.entries(job.inputs).map(([name, { type }]) => ({ name, type }));
  const { timed } = job;
  const timedMs = budget / 4;
  const order = { site: site.href, bench: bench.href, engine, weights, inputs, examples, timed, timedMs, kernels };
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const watched = await watchedPage(context, site.origin);
    // The page and the inputs are served beside the site without being files of it.
    await watched.page.route(`${bench.href}*`, async (route) => {
      const { searchParams } = new URL(route.request().url());
      const input = job.inputs[searchParams.get('input') ?? ''];
      if (!input) {
        return route.fulfill({ body: '<!doctype html><title>check</title>', headers: ISOLATED });
      }
      const [from, to] = ['from', 'to'].map((name) => Number(searchParams.get(name)));
      const body = await rowsOf(input, from!, to!);
      return route.fulfill({ body, contentType: 'application/octet-stream' });
    });
    return await work(watched, order, (step) => withTimeout(limit, Promise.race([step, watched.crash])));
  } catch (error) {
    context.close().catch(() => undefined);
    throw error;
  }
}

/** Returns some rows of an input: the numbers as they are in its file, or texts as JSON. */
async function rowsOf({ file, type, elements }: Input, from: number, to: number): Promise<Buffer> {
  if (type === 'string') {
    const texts = JSON.parse(await readFile(file, 'utf8')) as string[];
    return Buffer.from(JSON.stringify(texts.slice(from * elements, to * elements)));
  }
  const row = elements * SIZES[type];
  const handle = await open(file);
  try {
    return (await handle.read(Buffer.alloc((to - from) * row), 0, (to - from) * row, from * row)).buffer;
  } finally {
    await handle.close();
  }
}

async function time({ timeout }: Job, { page, problems, crash, order, loaded }: Opened): Promise<Row> {
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
  readonly inputs: readonly { name: string; type: InputType }[];
  readonly examples: number;
  readonly timed: number;
  readonly timedMs: number;
  readonly kernels: boolean;
}

/** The values that the functions below pass to one another in the page. */
interface Bench {
  // The page's own module, which has no types here.
  Runner: any;
  runner: any;
  before: Memory | undefined;
  rows(from: number, to: number): Promise<Record<string, unknown>>;
}

// These run in the page. They use nothing from this module: the driver sends only their text.

async function load({ site, engine, weights }: Order) {
  const build = await (await fetch(new URL('build.json', site))).json();
  const start = performance.now();
  const { Runner } = await import(new URL(build['src/runner.ts'].file, site).href);
  const runner = await Runner.load(site, { engine, weights });
  const firstMs = performance.now() - start;
  Object.assign(globalThis, { Runner, runner });
  return { version: runner.version as string, firstMs };
}

async function prepareRows({ bench, inputs }: Order) {
  const page = globalThis as unknown as Bench;
  page.rows = async (from, to) => {
    const rows: Record<string, unknown> = {};
    for (const { name, type } of inputs) {
      const query = new URLSearchParams({ input: name, from: String(from), to: String(to) });
      const body = await (await fetch(new URL(`?${query}`, bench))).arrayBuffer();
      if (type === 'string') rows[name] = JSON.parse(new TextDecoder().decode(body));
      else if (type === 'float32') rows[name] = new Float32Array(body);
      else if (type === 'int32') rows[name] = new Int32Array(body);
      else rows[name] = new Uint8Array(body);
    }
    return rows;
  };
}

/** Returns the rows' outputs as base64, by name. */
async function predictRows({ from, to }: { from: number; to: number }) {
  const page = globalThis as unknown as Bench;
  const outputs: Record<string, ArrayBufferView> = await page.runner.predictAll(await page.rows(from, to));
  // An engine may take memory for its first predictions, and keep it.
  page.before ??= page.runner.memory();
  const encoded: Record<string, string> = {};
  for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(outputs)) {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    let text = '';
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    encoded[name] = btoa(text);
  }
  return encoded;
}

/** Times single predictions, and measures the memory in use after all of them. */
async function timeSingles({ site, engine, weights, examples, timed, timedMs, kernels }: Order) {
  const { Runner, runner, rows, before } = globalThis as unknown as Bench;
  const times: number[] = [];
  const first = performance.now();
  for (let index = 0; index < Math.min(timed, examples); index++) {
    if (index && performance.now() - first > timedMs) break;
    const one = await rows(index, index + 1);
    const begin = performance.now();
    await runner.predictAll(one);
    times.push(performance.now() - begin);
  }
  const after: Memory = runner.memory();
  runner.dispose();
  const unused: string[] = [];
  if (kernels) {
    const { registered, used } = await Runner.kernels(site, { engine, weights }, await rows(0, 1));
    unused.push(...(registered as string[]).filter((name) => !used.includes(name)));
  }
  return { times, before: before!, after, unused };
}

/** Announces each operation by a request that is answered before the operation is executed. */
async function traceOne({ site, bench, engine, weights, examples, batch }: Order & { batch: number }) {
  const build = await (await fetch(new URL('build.json', site))).json();
  const { Runner } = await import(new URL(build['src/runner.ts'].file, site).href);
  const page = globalThis as unknown as Bench;
  const rows = await page.rows(0, Math.min(batch, examples));
  await Runner.trace(site, { engine, weights }, rows, (operation: unknown) => {
    const request = new XMLHttpRequest();
    const address = new URL('started', bench);
    address.searchParams.set('operation', JSON.stringify(operation));
    request.open('GET', address, false);
    request.send();
  });
}
