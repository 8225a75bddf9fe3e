/** The page's messages and behaviour when a site or a host is faulty. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { browser, open, SITE, useBrowser, verdict } from './open_page.ts';
import { PATIENCE } from './session.ts';

useBrowser();

test('a browser without WebAssembly falls back to cpu, and says so', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route('**/*.wasm', (route) => route.abort());
  });
  assert.equal(await page.locator('#engines').inputValue(), 'cpu');
  assert.match(await page.locator('#error').innerText(), /wasm backend.* runs on TensorFlow.js, plain JavaScript instead/);
  assert.match(await verdict(page), /^dark · /);
  await page.close();
});

test('a backend whose file is missing is reported, and the other one continues', async () => {
  const page = await open();
  await page.route('**/assets/*.js', (route) => route.fulfill({ status: 404 }));
  await page.locator('#engines').selectOption('webgl');
  const error = page.locator('#error');
  await error.waitFor();
  assert.match(await error.innerText(), /webgl backend could not be loaded.*runs on TensorFlow.js, WebAssembly instead/);
  await page.locator('button[data-sample="2"]').click();
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  await page.close();
});

for (const [file, status, words] of [
  ['contract.json', 'failed', 'contract.json is missing: the server answered 404.'],
  ['site.json', 'failed', 'site.json is missing: the server answered 404.'],
  // There is no sample to click, but a picture can be chosen.
  ['golden.json', 'ready', 'golden.json is missing: the server answered 404.'],
  ['model.json', 'failed', 'The model could not be loaded'],
  ['*.bin', 'failed', 'The model could not be loaded: group1-shard1of1.bin is missing'],
] as const) {
  test(`a site without ${file} says so`, async () => {
    const page = await open({}, async (fresh) => {
      await fresh.route(`**/${file}`, (route) => route.fulfill({ status: 404 }));
    });
    const error = await page.locator('#error').innerText();
    assert.ok(error.includes(words), error);
    assert.equal(await page.locator('#app').getAttribute('data-status'), status);
    await page.close();
  });
}

test('WebAssembly and JSON with a wrong MIME type still run', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route(/\.(wasm|json|bin)$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'text/plain' } });
    });
  });
  assert.match(await verdict(page), /^dark · /);
  assert.equal(await page.locator('#engines').inputValue(), 'wasm');
  assert.equal(await page.locator('#error').isVisible(), false);
  // Later requests of the page may still be on their way.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
});

test('scripts with a wrong MIME type, which no browser runs, are reported', async () => {
  const page = await browser.newPage({ serviceWorkers: 'block' });
  page.setDefaultTimeout(PATIENCE);
  await page.route('**/*.js', (route) => route.fulfill({ body: '', contentType: 'text/plain' }));
  await page.goto(SITE);
  const words = page.locator('#stalled');
  await words.evaluate((element) => {
    const [delay] = element.getAnimations();
    delay!.pause();
    delay!.currentTime = 0;
  });
  assert.equal(await words.isVisible(), false);
  await words.evaluate((element) => element.getAnimations()[0]!.finish());
  assert.match(await words.innerText(), /scripts of this page did not arrive/);
  assert.equal(await words.isVisible(), true);
  await page.close();
});

test('a host that answers with its front page for a missing file is detected', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route('**/*.bin', (route) => route.fulfill({ body: '<p>', contentType: 'text/html' }));
  });
  assert.match(await page.locator('#error').innerText(), /\.bin is missing: the server answered with a web page/);
  await page.close();
});
