/**
 * Runs examples through the released model runner, once on each backend, in a real browser.
 *
 * The job names the site and files with the inputs; the answer has one entry a backend, and the
 * outputs are written as raw float32 to the files that the job names.
 */
import { writeFile } from 'node:fs/promises';

import type { BrowserContext } from 'playwright-core';

import { reason, runJob } from './job.ts';
import { median, type Session, watchedPage, withBrowser, withTimeout } from './session.ts';

type InputType = 'float32' | 'int32' | 'bool' | 'string';

interface Job {
  readonly answer: string;
  readonly url: string;
  /** For each backend, how many examples it runs and the file that its outputs go to. */
  readonly backends: Record<string, { examples: number; outputs: string }>;
  readonly inputs: Record<string, { file: string; type: InputType; elements: number }>;
  readonly batch: number;
  /** How many predictions of a single example are timed. */
  readonly timed: number;
  /** For one backend. */
  readonly timeout: number;
}

interface Row {
  readonly version: string;
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly problems: readonly string[];
}

await runJob((job: Job) => withBrowser((session) => checkAll(job, session)));

async function checkAll(job: Job, { browser, name }: Session): Promise<unknown> {
  const rows: Record<string, Row | { error: string }> = {};
  for (const backend of Object.keys(job.backends)) {
    // A context each: no cache or service worker of one backend's run reaches the next.
    const context = await browser.newContext();
    try {
      rows[backend] = await withTimeout(job.timeout, checkBackend(job, backend, context));
    } catch (error) {
      rows[backend] = { error: reason(error) };
    } finally {
      // A page that hangs in a loop does not close; the browser's end will end it.
      await withTimeout(10_000, context.close()).catch(() => undefined);
    }
  }
  return { browser: name, rows };
}

async function checkBackend(job: Job, backend: string, context: BrowserContext): Promise<Row> {
  const site = new URL(job.url);
  const { examples, outputs } = job.backends[backend]!;
  const { page, problems } = await watchedPage(context, site.origin);
  const bench = new URL('__check__/', site);
  // An empty page and the inputs stand beside the site without being files of it.
  await page.route(`${bench.href}*`, (route) => {
    const input = job.inputs[decodeURIComponent(new URL(route.request().url()).pathname.split('/').at(-1)!)];
    return input
      ? route.fulfill({ path: input.file, contentType: 'application/octet-stream' })
      : route.fulfill({ body: '<!doctype html><title>check</title>', contentType: 'text/html' });
  });
  await page.goto(bench.href);
  const run = await page.evaluate(predictAll, {
    site: site.href,
    bench: bench.href,
    backend,
    inputs: Object.entries(job.inputs).map(([name, { type, elements }]) => ({ name, type, elements })),
    examples,
    batch: job.batch,
    timed: job.timed,
  });
  await writeFile(outputs, Buffer.from(run.outputs, 'base64'));
  const leaked = run.tensorsAfter - run.tensorsBefore;
  if (leaked) problems.push(`${leaked} tensors leaked`);
  if (run.unused.length) {
    problems.push(`kernels that the model does not use: ${run.unused.join(', ')}`);
  }
  return { version: run.version, firstMs: run.firstMs, p50Ms: median(run.times), problems };
}

interface Order {
  readonly site: string;
  readonly bench: string;
  readonly backend: string;
  readonly inputs: readonly { name: string; type: InputType; elements: number }[];
  readonly examples: number;
  readonly batch: number;
  readonly timed: number;
}

/** Runs in the page. Uses nothing of this module: the driver sends its text alone. */
async function predictAll(order: Order) {
  const { inputs, examples, batch, timed } = order;
  const build = await (await fetch(new URL('build.json', order.site))).json();
  const { Runner, VERSION } = await import(new URL(build['src/runner.ts'].file, order.site).href);

  const values: Record<string, { slice(from: number, to: number): unknown }> = {};
  for (const { name, type } of inputs) {
    const body = await (await fetch(new URL(encodeURIComponent(name), order.bench))).arrayBuffer();
    if (type === 'string') values[name] = JSON.parse(new TextDecoder().decode(body));
    else if (type === 'float32') values[name] = new Float32Array(body);
    else if (type === 'int32') values[name] = new Int32Array(body);
    else values[name] = new Uint8Array(body);
  }
  const rows = (from: number, to: number) =>
    Object.fromEntries(
      inputs.map(({ name, elements }) => [
        name,
        values[name]!.slice(from * elements, to * elements),
      ]),
    );

  const start = performance.now();
  const runner = await Runner.load(order.site, order.backend);
  const firstMs = performance.now() - start;
  const before = Runner.memory();

  const chunks: Float32Array[] = [];
  for (let from = 0; from < examples; from += batch) {
    chunks.push(await runner.predict(rows(from, Math.min(from + batch, examples))));
  }
  const times: number[] = [];
  for (let index = 0; index < Math.min(timed, examples); index++) {
    const one = rows(index, index + 1);
    const begin = performance.now();
    await runner.predict(one);
    times.push(performance.now() - begin);
  }

  const after = Runner.memory();
  runner.dispose();
  const { registered, used } = await Runner.kernels(order.site, order.backend, rows(0, 1));
  const bytes = new Uint8Array(await new Blob(chunks as Float32Array<ArrayBuffer>[]).arrayBuffer());
  let text = '';
  for (let from = 0; from < bytes.length; from += 8192) {
    text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  }
  return {
    version: VERSION as string,
    firstMs,
    times,
    unused: (registered as string[]).filter((name) => !used.includes(name)),
    tensorsBefore: before.tensors as number,
    tensorsAfter: after.tensors as number,
    outputs: btoa(text),
  };
}
