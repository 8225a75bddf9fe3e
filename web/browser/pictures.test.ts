/** Every way to give the page a picture. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { open, useBrowser } from './open_page.ts';

useBrowser();

/** Returns a picture of one colour, larger than the model's input and not square. */
async function picture(page: Page, colour: string): Promise<Buffer> {
  const bytes = await page.evaluate(async (fill) => {
    const canvas = new OffscreenCanvas(90, 90);
    const context = canvas.getContext('2d')!;
    context.fillStyle = fill;
    context.fillRect(0, 0, 90, 90);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  }, colour);
  return Buffer.from(bytes);
}

async function give(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
}

test('a file of another size and colour is classified, and can be swapped', async () => {
  const page = await open();
  await give(page, 'white.png', await picture(page, '#fff'));
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  await page.getByLabel('Swap dark and light').check();
  await page.locator('#verdict', { hasText: 'dark' }).waitFor();
  const label = await page.locator('#preview').getAttribute('aria-label');
  assert.equal(label, 'white.png, as the model sees it');
  await page.close();
});

test('a dropped file is classified', async () => {
  const page = await open();
  const bytes = [...(await picture(page, '#fff'))];
  await page.evaluate((content) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(content)], 'dropped.png', { type: 'image/png' }));
    const drop = new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.getElementById('preview')!.dispatchEvent(drop);
  }, bytes);
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  await page.close();
});

test('a pasted picture is classified', async () => {
  const page = await open();
  const bytes = [...(await picture(page, '#fff'))];
  await page.evaluate((content) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(content)], 'pasted.png', { type: 'image/png' }));
    document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer }));
  }, bytes);
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  await page.close();
});

test('a drawing is classified when the stroke ends', async () => {
  const page = await open();
  await page.locator('button[data-sample="2"]').click();
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  await page.getByRole('button', { name: 'Draw' }).click();
  const sheet = (await page.locator('#sheet').boundingBox())!;
  await page.mouse.move(sheet.x + 20, sheet.y + 20);
  await page.mouse.down();
  await page.mouse.move(sheet.x + 120, sheet.y + 20, { steps: 5 });
  await page.mouse.up();
  await page.locator('#verdict', { hasText: 'dark' }).waitFor();
  const label = await page.locator('#preview').getAttribute('aria-label');
  assert.equal(label, 'Drawing, as the model sees it');
  await page.close();
});

test('the camera gives a picture, and is switched off', async () => {
  const page = await open();
  await page.getByRole('button', { name: 'Use the camera' }).click();
  await page.getByRole('button', { name: 'Take picture' }).click();
  await page.locator('#preview[aria-label="Camera picture, as the model sees it"]').waitFor();
  assert.equal(await page.locator('#camera').isVisible(), false);
  assert.equal(await page.evaluate(() => document.querySelector('video')!.srcObject), null);
  await page.close();
});

test('a camera that is refused or missing is reported', async () => {
  const page = await open();
  for (const [name, words] of [
    ['NotAllowedError', 'This page may not use the camera'],
    ['NotFoundError', 'No camera was found.'],
  ] as const) {
    await page.evaluate((error) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', error));
    }, name);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.locator('#error', { hasText: words }).waitFor();
  }
  await page.close();
});

test('a file that is not a picture is reported, and the page continues', async () => {
  const page = await open();
  await give(page, 'broken.png', Buffer.from('not a picture'));
  const error = page.locator('#error');
  await error.waitFor();
  assert.equal(await error.innerText(), 'broken.png is not a picture that this browser can read.');
  await page.locator('button[data-sample="2"]').click();
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  assert.equal(await error.isVisible(), false);
  await page.close();
});
