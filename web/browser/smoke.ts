/**
 * Uses a deployed page as a person would: opens it, clicks each sample, reads the answer.
 *
 * The result holds the answers that the page showed, and the problems on the way.
 */
import { isDeepStrictEqual } from 'node:util';

import type { Page } from 'playwright-core';

import type { Answer } from '../app/src/contract.ts';
import { reason, runJob } from './job.ts';
import { median, type Session, watchedPage, withBrowser, withTimeout } from './session.ts';

interface Job {
  readonly answer: string;
  readonly url: string;
  /** The examples of golden.json that the page must offer, as they are in that file. */
  readonly examples: readonly unknown[];
  readonly timeout: number;
}

await runJob((job: Job) => withBrowser((session) => withTimeout(job.timeout, smoke(job, session))));

async function smoke(job: Job, { browser, name }: Session): Promise<unknown> {
  const context = await browser.newContext();
  const { page, problems } = await watchedPage(context, new URL(job.url).origin);
  await page.goto(job.url).catch((error: unknown) => {
    throw new Error(`the page does not open: ${reason(error)}`);
  });
  await settled(page, problems);
  const golden = await page.evaluate(async () => await (await fetch('golden.json')).json());
  if (!isDeepStrictEqual(golden.examples, job.examples)) {
    problems.push("the page's golden.json does not have the examples of the release");
  }
  const outputs: Answer[] = [];
  const times: number[] = [];
  for (const index of job.examples.keys()) {
    await page.locator(`[data-sample="${index}"]`).and(page.locator('button')).click();
    await page.locator(`#result[data-sample="${index}"]`).waitFor();
    await settled(page, problems);
    outputs.push(await shownAnswer(page));
    times.push(Number.parseFloat(await page.locator('#time').innerText()));
  }
  const engine = await page.locator('#engines').inputValue();
  return { browser: name, engine, outputs, p50Ms: median(times), problems };
}

/** Waits until the page has nothing to do; records or throws the error that it shows. */
async function settled(page: Page, problems: string[]): Promise<void> {
  const app = page.locator('#app[data-status="ready"], #app[data-status="failed"]');
  await app.waitFor();
  if ((await app.getAttribute('data-status')) === 'failed') {
    throw new Error(`the page says: ${await page.locator('#error').innerText()}`);
  }
  const error = await page.locator('#error').innerText();
  if (error) problems.push(`the page says: ${error}`);
}

async function shownAnswer(page: Page): Promise<Answer> {
  return page.locator('#result').evaluate((section: HTMLElement & { answer?: Answer }) => section.answer!);
}
