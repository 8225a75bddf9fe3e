/** The page's choice of engines and weights. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { open, useBrowser, verdict } from './open_page.ts';

useBrowser();

test('the engine can be switched, with the same answer', async () => {
  const page = await open();
  const before = await verdict(page);
  for (const backend of ['cpu', 'webgl', 'litert', 'wasm']) {
    await page.locator('#engines').selectOption(backend);
    await page.locator('#app[data-status="ready"]').waitFor();
    assert.equal(await page.locator('#engines').inputValue(), backend);
    assert.equal(await verdict(page), before);
  }
  await page.close();
});

test('the weights can be switched, with the same answer', async () => {
  const page = await open();
  const before = await verdict(page);
  assert.equal(await page.locator('#forms').inputValue(), 'float16');
  await page.locator('#forms').selectOption('float32');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.equal(await page.locator('#forms').inputValue(), 'float32');
  assert.equal(await verdict(page), before);
  // LiteRT.js has one file, so there is no choice.
  await page.locator('#engines').selectOption('litert');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.equal(await page.locator('#weights').isVisible(), false);
  assert.equal(await verdict(page), before);
  await page.close();
});

test('every engine is measured, and the page gives the reason for the fastest', async () => {
  const page = await open();
  await page.getByText('Speed on this device').click();
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.locator('#why', { hasText: 'was the fastest on this device' }).waitFor();
  const rows = await page.locator('#measurements tbody tr').allInnerTexts();
  const engines = await page.locator('#engines option').allInnerTexts();
  assert.deepEqual(rows.map((row) => row.split('\t')[0]!.trim()), engines);
  const [best] = rows.filter((row) => row.includes('fastest'));
  const chosen = await page.locator('#engines option:checked').innerText();
  assert.ok(best!.startsWith(chosen), `${best} and ${chosen}`);
  assert.ok(rows.every((row) => /e-\d|\t0\t/.test(row)), rows.join('\n'));
  await page.close();
});

test('an engine that computes wrong answers on this device is not used', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route('**/golden.json', async (route) => {
      const golden = await (await route.fetch()).json();
      for (const { outputs } of golden.examples) outputs.probabilities.reverse();
      await route.fulfill({ json: golden });
    });
  });
  await page.locator('#engines').selectOption('cpu');
  const error = page.locator('#error');
  await error.waitFor();
  assert.match(await error.innerText(), /plain JavaScript computes different answers on this device: they differ by up to .* %.*runs on TensorFlow.js, WebAssembly/);
  assert.equal(await page.locator('#engines').inputValue(), 'wasm');
  await page.close();
});

test('LiteRT.js is loaded when it is chosen, and not before', async () => {
  const requested: string[] = [];
  const page = await open({}, async (fresh) => {
    fresh.on('request', (request) => requested.push(request.url()));
  });
  const ofLiteRt = () => requested.filter((url) => /litert|tflite|webgl|float32/.test(url));
  assert.deepEqual(ofLiteRt(), []);
  await page.locator('#engines').selectOption('litert');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.ok(ofLiteRt().some((url) => url.endsWith('.tflite')), requested.join('\n'));
  await page.close();
});
