/** Uses the page as people do. SITE is the address of a site with the tiny model of the tests. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import axe from 'axe-core';
import { type Browser, chromium as driver, type Page } from 'playwright-core';

import { ARGUMENTS, chromium } from './chromium.ts';

const SITE = process.env.SITE!;
const FAKE_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
let browser: Browser;

before(async () => {
  const { executable, env } = await chromium();
  browser = await driver.launch({ executablePath: executable, args: [...ARGUMENTS, ...FAKE_CAMERA], env });
});
after(() => browser.close());

interface Axe {
  readonly axe: typeof axe;
}
type Options = Parameters<Browser['newPage']>[0];

async function open(options: Options = {}, prepare?: (page: Page) => Promise<void>): Promise<Page> {
  // A worker would answer in place of the server, where a test gives the answers.
  const page = await browser.newPage({ serviceWorkers: 'block', ...options });
  page.setDefaultTimeout(20_000);
  await prepare?.(page);
  await page.goto(SITE);
  await page.locator('#app:not([data-status="loading"], [data-status="running"])').waitFor();
  return page;
}

const verdict = (page: Page) => page.locator('#verdict').innerText();

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

test('the page opens with the first sample classified', async () => {
  const page = await open();
  assert.match(await verdict(page), /^dark · /);
  assert.equal(await page.title(), 'Tiny pictures');
  assert.equal(await page.locator('#bars li').count(), 3);
  assert.match(await page.locator('#time').innerText(), /ms$/);
  await page.close();
});

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
  await page.getByRole('button', { name: 'Take the picture' }).click();
  await page.locator('#preview[aria-label="Camera picture, as the model sees it"]').waitFor();
  assert.equal(await page.locator('#camera').isVisible(), false);
  assert.equal(await page.evaluate(() => document.querySelector('video')!.srcObject), null);
  await page.close();
});

test('a camera that is refused or missing is said in words', async () => {
  const page = await open();
  for (const [name, words] of [
    ['NotAllowedError', 'The camera may not be used here'],
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

test('a file that is no picture is said in words, and the page goes on', async () => {
  const page = await open();
  await give(page, 'broken.png', Buffer.from('no picture'));
  const error = page.locator('#error');
  await error.waitFor();
  assert.equal(await error.innerText(), 'broken.png is not a picture that this browser can read.');
  await page.locator('button[data-sample="2"]').click();
  await page.locator('#verdict', { hasText: 'bright' }).waitFor();
  assert.equal(await error.isVisible(), false);
  await page.close();
});

test('everything is reached by keyboard', async () => {
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

test('a browser without WebAssembly falls back to cpu, and says so', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route('**/*.wasm', (route) => route.abort());
  });
  assert.equal(await page.locator('#engines').inputValue(), 'cpu');
  assert.match(await page.locator('#error').innerText(), /wasm backend.* runs on TensorFlow.js, plain JavaScript instead/);
  assert.match(await verdict(page), /^dark · /);
  await page.close();
});

test('a backend whose file is gone is said in words, and the other one goes on', async () => {
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
  // There is nothing to press, but a picture can be chosen.
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

test('WebAssembly and JSON of a wrong MIME type run all the same', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route(/\.(wasm|json|bin)$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'text/plain' } });
    });
  });
  assert.match(await verdict(page), /^dark · /);
  assert.equal(await page.locator('#engines').inputValue(), 'wasm');
  assert.equal(await page.locator('#error').isVisible(), false);
  // What the page asks for later may still be on its way.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
});

test('scripts of a wrong MIME type, which no browser runs, are said in words', async () => {
  const page = await browser.newPage({ serviceWorkers: 'block' });
  await page.route('**/*.js', (route) => route.fulfill({ body: '', contentType: 'text/plain' }));
  await page.goto(SITE);
  const words = page.locator('#stalled');
  assert.equal(await words.isVisible(), false);
  await words.evaluate((element) => element.getAnimations()[0]!.finish());
  assert.match(await words.innerText(), /scripts of this page did not arrive/);
  assert.equal(await words.isVisible(), true);
  await page.close();
});

test('a host that answers with its front page where a file is missing is found out', async () => {
  const page = await open({}, async (fresh) => {
    await fresh.route('**/*.bin', (route) => route.fulfill({ body: '<p>', contentType: 'text/html' }));
  });
  assert.match(await page.locator('#error').innerText(), /\.bin is missing: the server answered with a web page/);
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
  // LiteRT.js has one file, and no choice.
  await page.locator('#engines').selectOption('litert');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.equal(await page.locator('#weights').isVisible(), false);
  assert.equal(await verdict(page), before);
  await page.close();
});

test('every engine is measured here, and the reason for the fastest stands on the page', async () => {
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

test('an engine that computes wrong on this device is not used', async () => {
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
  assert.match(await error.innerText(), /plain JavaScript computes other answers.*runs on TensorFlow.js, WebAssembly/);
  assert.equal(await page.locator('#engines').inputValue(), 'wasm');
  await page.close();
});

test('LiteRT.js is loaded when it is chosen, and not before', async () => {
  const asked: string[] = [];
  const page = await open({}, async (fresh) => {
    fresh.on('request', (request) => asked.push(request.url()));
  });
  const ofLiteRt = () => asked.filter((url) => /litert|tflite|webgl|float32/.test(url));
  assert.deepEqual(ofLiteRt(), []);
  await page.locator('#engines').selectOption('litert');
  await page.locator('#app[data-status="ready"]').waitFor();
  assert.ok(ofLiteRt().some((url) => url.endsWith('.tflite')), asked.join('\n'));
  await page.close();
});

test('the first load is small, in bytes over the wire', async () => {
  const sizes: Record<string, number> = {};
  const encodings = new Set<string | undefined>();
  const pending: Promise<void>[] = [];
  const page = await open({}, async (fresh) => {
    fresh.on('requestfinished', (request) => {
      const count = async (): Promise<void> => {
        const kind = new URL(request.url()).pathname.split('.').at(-1)!;
        const { responseBodySize } = await request.sizes();
        sizes[kind] = (sizes[kind] ?? 0) + responseBodySize;
        encodings.add((await request.response())?.headers()['content-encoding']);
      };
      pending.push(count());
    });
  });
  await Promise.all(pending);
  assert.ok(sizes['js']! > 30_000 && sizes['js']! <= 100_000, JSON.stringify(sizes));
  assert.ok(sizes['wasm']! > 20_000 && sizes['wasm']! <= 75_000, JSON.stringify(sizes));
  assert.ok(encodings.has('br') || encodings.has('gzip'));
  await page.close();
});

test("the README's example works as it stands", async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const html = /```html\n(.*?)```/s.exec(readme)![1]!;
  const page = await browser.newPage({ serviceWorkers: 'block' });
  await page.route('**/example.html', (route) =>
    route.fulfill({ body: html, contentType: 'text/html' }),
  );
  await page.goto(`${SITE}example.html`);
  await page.locator('#answer', { hasText: 'dark' }).waitFor({ timeout: 20_000 });
  await page.close();
});

test('after the first visit it works without network, with any backend', async () => {
  const context = await browser.newContext();
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
  // What is large is kept from its first use on.
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
  test(`axe finds nothing to object to in ${colorScheme} colours`, async () => {
    const page = await open({ colorScheme });
    await page.getByRole('button', { name: 'Draw' }).click();
    await page.getByText('Speed on this device').click();
    await page.getByRole('button', { name: 'Measure' }).click();
    await page.locator('#why', { hasText: 'fastest' }).waitFor();
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(() =>
      (globalThis as unknown as Axe).axe.run(),
    );
    assert.ok(passes.length > 10, 'axe looked at next to nothing');
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    assert.deepEqual(found, []);
    await page.close();
  });
}

test('it fits a small phone without scrolling sideways', async () => {
  const page = await open({ viewport: { width: 320, height: 568 } });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 320, `${width} px wide`);
  await page.close();
});
