/** Opens the page of the SITE in a browser, for the tests that use it as people do. */
import { after, before } from 'node:test';

import { type Browser, chromium as driver, type Page } from 'playwright-core';

import { ARGUMENTS, chromium } from './chromium.ts';
import { PATIENCE } from './session.ts';

/** The address of a site with the tiny model of the tests. */
export const SITE = process.env.SITE!;
const FAKE_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
export let browser: Browser;

/** Starts the browser before the tests of a file and ends it after them. */
export function useBrowser(): void {
  before(async () => {
    const { executable, env } = await chromium();
    const args = [...ARGUMENTS, ...FAKE_CAMERA];
    browser = await driver.launch({ executablePath: executable, args, env, timeout: PATIENCE });
  });
  after(() => browser.close());
}

type Options = Parameters<Browser['newPage']>[0];

/** Opens the page and waits until it has answered; `prepare` is called before it is loaded. */
export async function open(options: Options = {}, prepare?: (page: Page) => Promise<void>): Promise<Page> {
  // A worker would answer instead of the server, for which some tests give the answers.
  const page = await browser.newPage({ serviceWorkers: 'block', ...options });
  page.setDefaultTimeout(PATIENCE);
  await prepare?.(page);
  await page.goto(SITE);
  await page.locator('#app:not([data-status="loading"], [data-status="running"])').waitFor();
  return page;
}

export const verdict = (page: Page) => page.locator('#verdict').innerText();
