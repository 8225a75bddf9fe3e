/** A browser for one job, and pages that record everything that a released page must not do. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

import { type Browser, type BrowserContext, chromium as driver, type Page } from 'playwright-core';

import { ARGUMENTS, chromium } from './chromium.ts';

/** The timeout, in ms, for steps that take a moment unless the machine is slow or busy. */
export const PATIENCE = 120_000;

/** What is said of a page whose process has ended; the browser does not say why. */
const CRASHED = "the browser's tab crashed, from a fault or for lack of memory";

export interface Session {
  readonly browser: Browser;
  /** Its name and version, as the reports print them. */
  readonly name: string;
  /** Starts another browser; it is closed at the end as well. */
  another(): Promise<Browser>;
}

/** Runs the work with a browser that is closed at the end. */
export async function withBrowser<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const { executable, env } = await chromium();
  const started: Browser[] = [];
  const another = async (): Promise<Browser> => {
    const browser = await driver.launch({
      executablePath: executable,
      args: ARGUMENTS,
      env: { ...process.env, ...env } as Record<string, string>,
      timeout: PATIENCE,
    });
    started.push(browser);
    return browser;
  };
  const browser = await another();
  try {
    return await work({ browser, name: `Chromium ${browser.version()}`, another });
  } finally {
    await Promise.all(started.map((each) => each.close()));
  }
}

/** A page with a list of its problems, as messages. */
export interface WatchedPage {
  readonly page: Page;
  readonly problems: string[];
  /** Rejects when the page's process ends: after a fault, or because the memory is full. */
  readonly crash: Promise<never>;
}

/** Opens an empty page that may load only from `origin`. */
export async function watchedPage(context: BrowserContext, origin: string): Promise<WatchedPage> {
  const problems: string[] = [];
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console error: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught error: ${error.message}`));
  const crash = new Promise<never>((_, reject) => {
    page.on('crash', () => {
      problems.push(CRASHED);
      reject(new Error(CRASHED));
    });
  });
  // Not everybody waits for it.
  crash.catch(() => undefined);
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
  });
  await page.route(
    (url) => /^(https?|wss?):$/.test(url.protocol) && url.origin !== origin,
    (route) => {
      problems.push(`request to another origin: ${route.request().url()}`);
      return route.abort();
    },
  );
  return { page, problems, crash };
}

/** Returns a port that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** How a message begins that says that something took too long. */
export const OVERTIME = 'no answer within';

/** Rejects when the work takes longer. */
export async function withTimeout<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const seconds = milliseconds / 1000;
    timer = setTimeout(() => reject(new Error(`${OVERTIME} ${seconds} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
