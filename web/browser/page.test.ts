/** Uses the page as people do. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import axe from 'axe-core';
import type { Request } from 'playwright-core';

import { browser, open, SITE, useBrowser, verdict } from './open_page.ts';
import { PATIENCE } from './session.ts';

useBrowser();

interface Axe {
  readonly axe: typeof axe;
}

test('the page opens with the first sample classified', async () => {
  const page = await open();
  assert.match(await verdict(page), /^dark · /);
  assert.equal(await page.title(), 'Tiny pictures');
  assert.equal(await page.locator('#answers .bars li').count(), 3);
  assert.match(await page.locator('#time').innerText(), /ms$/);
  await page.close();
});

test('everything can be reached by keyboard', async () => {
  const page = await open();
  const reached: string[] = [];
  for (let step = 0; step < 24; step++) {
    await page.keyboard.press('Tab');
    reached.push(
      await page.evaluate(() => {
        const focused = document.activeElement as HTMLElement;
        return focused.id || `sample ${focused.dataset['sample']}`;
      }),
    );
    if (reached.at(-1) === 'sample 1') await page.keyboard.press('Enter');
  }
  for (const stop of ['file', 'use-camera', 'draw', 'invert', 'sample 0', 'sample 5', 'engines', 'forms']) {
    assert.ok(reached.includes(stop), `${stop} is not among ${reached.join(', ')}`);
  }
  await page.locator('#verdict', { hasText: 'middle' }).waitFor();
  await page.close();
});

test('the first load is small, in bytes over the wire', async () => {
  const sizes: Record<string, number> = {};
  const encodings = new Set<string | undefined>();
  const pending: Promise<void>[] = [];
  const count = async (request: Request): Promise<void> => {
    const kind = new URL(request.url()).pathname.split('.').at(-1)!;
    const { responseBodySize } = await request.sizes();
    sizes[kind] = (sizes[kind] ?? 0) + responseBodySize;
    encodings.add((await request.response())?.headers()['content-encoding']);
  };
  const note = (request: Request): unknown => pending.push(count(request));
  const page = await open({}, async (fresh) => {
    fresh.on('requestfinished', note);
  });
  await page.waitForLoadState('networkidle');
  page.off('requestfinished', note);
  await Promise.all(pending);
  assert.ok(sizes['js']! > 30_000 && sizes['js']! <= 100_000, JSON.stringify(sizes));
  assert.ok(sizes['wasm']! > 20_000 && sizes['wasm']! <= 75_000, JSON.stringify(sizes));
  assert.ok(encodings.has('br') || encodings.has('gzip'));
  await page.close();
});

test("the README's example works unchanged", async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const html = /```html\n(.*?)```/s.exec(readme)![1]!;
  const page = await browser.newPage({ serviceWorkers: 'block' });
  page.setDefaultTimeout(PATIENCE);
  await page.route('**/example.html', (route) =>
    route.fulfill({ body: html, contentType: 'text/html' }),
  );
  await page.goto(`${SITE}example.html`);
  await page.locator('#answer', { hasText: 'dark' }).waitFor();
  await page.close();
});

test('after the first visit it works without a network, with any backend', async () => {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(SITE);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await context.setOffline(true);
  await page.reload();
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.match(await verdict(page), /^dark · /);
  await page.locator('#engines').selectOption('cpu');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.equal(await page.locator('#error').isVisible(), false);
  assert.equal(await page.locator('#engines').inputValue(), 'cpu');
  // Large files are kept after their first use.
  await context.setOffline(false);
  await page.locator('#engines').selectOption('litert');
  await page.locator('#app[data-status="ready"]').waitFor();
  await context.setOffline(true);
  await page.goto(`${SITE}?engine=litert`);
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.equal(await page.locator('#engines').inputValue(), 'litert');
  assert.match(await verdict(page), /^dark · /);
  await context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds no problems in ${colorScheme} colours`, async () => {
    const page = await open({ colorScheme });
    await page.getByRole('button', { name: 'Draw' }).click();
    await page.getByText('Speed on this device').click();
    await page.getByRole('button', { name: 'Measure' }).click();
    await page.locator('#why', { hasText: 'fastest' }).waitFor();
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(() =>
      (globalThis as unknown as Axe).axe.run(),
    );
    assert.ok(passes.length > 10, 'axe checked almost nothing');
    const problems = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
    );
    assert.deepEqual(problems, []);
    await page.close();
  });
}

test('it fits a small phone without scrolling sideways', async () => {
  const page = await open({ viewport: { width: 320, height: 568 } });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 320, `${width} px wide`);
  await page.close();
});
