/**
 * A release is promoted in the middle of a visit. SITE is the address of the site that the link
 * CURRENT points to, of version 1; NEXT is the link's next target, of version 2.
 */
import assert from 'node:assert/strict';
import { rename, symlink } from 'node:fs/promises';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { PATIENCE, withBrowser } from './session.ts';

const { SITE, CURRENT, NEXT } = process.env as Record<'SITE' | 'CURRENT' | 'NEXT', string>;

async function version(page: Page): Promise<string> {
  await page.locator('#app[data-status="ready"]').waitFor();
  return page.locator('#facts').innerText();
}

test('a promotion reaches an open page as an offer, and never mixes releases', async () => {
  await withBrowser(async ({ browser }) => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(SITE);
    assert.match(await version(page), /^Version 1/);
    await page.evaluate(() => navigator.serviceWorker.ready);

    await symlink(NEXT, `${CURRENT}.next`);
    await rename(`${CURRENT}.next`, CURRENT);

    const models = new Set<string>();
    page.on('response', (response) => {
      if (response.url().includes('/model/')) models.add(String(response.fromServiceWorker()));
    });
    await page.reload();
    // All of it still comes from version 1, which is stored here.
    assert.match(await version(page), /^Version 1/);
    assert.deepEqual([...models], ['true']);
    assert.equal(await page.locator('#samples button').count(), 6);

    // Files that were not stored from this release now come from the next one.
    await page.locator('#forms').selectOption('float32');
    await page.locator('#error', { hasText: 'The site was updated. Reload the page' }).waitFor();

    await page.getByRole('button', { name: 'Load it' }).click();
    await page.locator('#facts', { hasText: 'Version 2' }).waitFor();
    await version(page);
    assert.equal(await page.locator('#samples button').count(), 3);
    assert.equal(await page.locator('#update').isVisible(), false);
    const stores = await page.evaluate(async () => (await caches.keys()).length);
    assert.equal(stores, 1);
  });
});

test('without a worker, a page also loads nothing from another release', async () => {
  await withBrowser(async ({ browser }) => {
    const page = await (await browser.newContext({ serviceWorkers: 'block' })).newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(SITE);
    assert.match(await version(page), /^Version 2/);
    await symlink('1', `${CURRENT}.next`);
    await rename(`${CURRENT}.next`, CURRENT);
    await page.locator('#engines').selectOption('cpu');
    await page.locator('#error', { hasText: 'The site was updated. Reload the page' }).waitFor();
    await page.reload();
    assert.match(await version(page), /^Version 1/);
  });
});

test('a release with a damaged file is not kept', async () => {
  await withBrowser(async ({ browser }) => {
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE);
    await context.route('**/model/*.bin', (route) => route.fulfill({ body: 'other weights' }));
    const page = await context.newPage();
    await page.goto(SITE);
    await page.locator('#app:not([data-status="loading"], [data-status="running"])').waitFor();
    const kept = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      const worker = registration?.installing ?? registration?.waiting ?? registration?.active;
      while (worker && !['redundant', 'activated'].includes(worker.state)) {
        await new Promise((resolve) => worker.addEventListener('statechange', resolve, { once: true }));
      }
      return worker?.state !== 'redundant' && worker !== undefined && worker !== null;
    });
    assert.equal(kept, false);
    assert.equal(await page.evaluate(async () => (await caches.keys()).length), 0);
  });
});
