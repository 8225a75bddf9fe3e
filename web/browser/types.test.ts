/** Uses the page of a model with two pictures and numbers of every type as inputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { objections } from './accessibility.ts';
import { open, useBrowser } from './open_page.ts';

useBrowser();

const verdict = (page: Page) => page.locator('#verdict').textContent();
const field = (page: Page, name: string) => page.locator(`#values [name="${name}"]`);

async function pixels(page: Page, canvas: string): Promise<number[]> {
  return page.locator(canvas).evaluate((element: HTMLCanvasElement) => [
    ...element.getContext('2d')!.getImageData(0, 0, element.width, element.height).data,
  ]);
}

/** Does something that changes the answer, and waits for it. */
async function changes(page: Page, action: () => Promise<unknown>): Promise<void> {
  const before = await verdict(page);
  await action();
  await page.locator('#result[data-sample=""]').waitFor();
  await page.waitForFunction((old) => document.getElementById('verdict')!.textContent !== old, before);
  assert.equal(await page.locator('#error').innerText(), '');
}

test('a picture replaces the one that was chosen, and all other inputs stay', async () => {
  const page = await open({ viewport: { width: 390, height: 844 } });
  const [first, second] = [await pixels(page, '#preview'), await pixels(page, '#preview-1')];
  const ids = await field(page, 'ids').inputValue();
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4, 4);
    const context = canvas.getContext('2d')!;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 4, 4);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  });
  const white = { name: 'white.png', mimeType: 'image/png', buffer: Buffer.from(bytes) };
  await changes(page, () => page.locator('#file').setInputFiles(white));
  assert.deepEqual(await pixels(page, '#preview'), new Array(64).fill(255));
  assert.deepEqual(await pixels(page, '#preview-1'), second);

  await page.getByLabel('second').check();
  await changes(page, () => page.locator('#file').setInputFiles(white));
  assert.notDeepEqual(first, await pixels(page, '#preview'));
  assert.deepEqual(await pixels(page, '#preview-1'), new Array(64).fill(255));
  assert.equal(await field(page, 'ids').inputValue(), ids);
  await changes(page, () => field(page, 'double').fill('1.5'));
  assert.deepEqual(await pixels(page, '#preview-1'), new Array(64).fill(255));
  assert.deepEqual(await objections(page), []);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `${width} px wide`);
  await page.close();
});

test('each type has its field, with its own rule', async () => {
  const page = await open();
  assert.match(await field(page, 'flag').inputValue(), /^(yes|no), (yes|no)$/);
  assert.equal(await field(page, 'lamp').evaluate((element) => element.tagName), 'SELECT');
  const lamp = await field(page, 'lamp').inputValue();
  await changes(page, () => field(page, 'lamp').selectOption(lamp === 'yes' ? 'no' : 'yes'));
  await changes(page, () => field(page, 'flag').fill('yes, 1'));
  const error = page.locator('#error');
  for (const [name, value, words] of [
    ['flag', 'yes, maybe', 'flag must be yes or no; got maybe.'],
    ['ids', '1, 2, 10', 'ids must be from 0 to 9; got 10.'],
    ['step', '1.5', 'step must be a whole number; got 1.5.'],
    ['half', '1', 'half takes 2 values, separated by commas; got 1.'],
  ] as const) {
    const before = await field(page, name).inputValue();
    await field(page, name).fill(value);
    await error.filter({ hasText: words }).waitFor();
    await field(page, name).fill(before);
    await page.locator('#error').waitFor({ state: 'hidden' });
  }
  await page.close();
});
