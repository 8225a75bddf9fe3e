/** The page beside a model server that has the same model. SITE is the page's address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE, watchedPage, withBrowser } from './session.ts';

const SITE = process.env.SITE!;

test("the model server's answer is shown beside the browser's", async () => {
  await withBrowser(async ({ browser }) => {
    const context = await browser.newContext({ serviceWorkers: 'block' });
    const { page, problems } = await watchedPage(context, new URL(SITE).origin);
    await page.goto(SITE);
    const line = page.locator('#server');
    await line.waitFor();
    await page.locator('button[data-sample="2"]').click();
    await page.locator('#server', { hasText: 'bright' }).waitFor();
    const words = await line.innerText();
    const difference = Number(/largest difference (\S+)$/.exec(words)?.[1]);
    // float16 weights here, float32 there.
    assert.ok(difference < 0.01, words);
    assert.equal(await page.locator('#answers .mark:visible').count(), 3);
    assert.deepEqual(problems, []);
  });
});

test('a model server that stops answering is reported, and the page continues', async () => {
  await withBrowser(async ({ browser }) => {
    const page = await browser.newPage({ serviceWorkers: 'block' });
    page.setDefaultTimeout(PATIENCE);
    await page.route('**/server/predict/**', (route) =>
      route.fulfill({ status: 502, json: { error: 'the model server does not answer: refused' } }),
    );
    await page.goto(SITE);
    await page.locator('#server', { hasText: 'does not answer: refused' }).waitFor();
    assert.match(await page.locator('#verdict').innerText(), /^dark · /);
    assert.equal(await page.locator('#answers .mark:visible').count(), 0);
  });
});
