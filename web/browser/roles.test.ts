/**
 * Uses the page of a model with one head of each role, as on a phone: with one head after another,
 * and with all of them. PICTURES is the folder for pictures of it.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import type { Contract } from '../app/src/contract.ts';
import { objections } from './accessibility.ts';
import { open, useBrowser, verdict } from './open_page.ts';

const PICTURES = process.env.PICTURES!;
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, reducedMotion: 'reduce' } as const;

useBrowser();

/** Opens the page as if the model had only the heads of these roles; all, if there is none. */
async function openAs(
  roles: readonly string[],
  changed: Partial<Contract> = {},
  released: object = {},
): Promise<Page> {
  return open(PHONE, async (page) => {
    await page.route('**/contract.json', async (route) => {
      const contract = (await (await route.fetch()).json()) as Contract;
      const outputs = contract.outputs.filter(({ role }) => !roles.length || roles.includes(role));
      await route.fulfill({ json: { ...contract, outputs, ...changed } });
    });
    await page.route('**/released.json', async (route) => {
      await route.fulfill({ json: { ...(await (await route.fetch()).json()), ...released } });
    });
  });
}

async function choose(page: Page, sample: number): Promise<void> {
  await page.locator(`#samples button[data-sample="${sample}"]`).click();
  await page.locator(`#result[data-sample="${sample}"]`).waitFor();
  await page.locator('#app[data-status="ready"]').waitFor();
}

/** Takes pictures of a page, which must be without problems in both colours, and fit on the phone. */
async function look(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`), fullPage: true });
    assert.deepEqual(await objections(page), []);
  }
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.viewport.width, `${width} px wide`);
}

interface Expected {
  /** The verdict on the sample, and the name of its button. */
  readonly verdict: RegExp;
  readonly truth: RegExp;
  /** Checks what else the page shows. */
  shows(page: Page): Promise<void>;
}

const bars = (page: Page) => page.locator('#answers .bars li').allInnerTexts();
const legend = (page: Page) => page.locator('#answers .legend li').allInnerTexts();
const hint = (page: Page) => page.locator('#answers .hint').innerText();

/** Returns whether the canvas with the answer has pixels of a colour, as #rrggbb. */
async function paints(page: Page, colour: string): Promise<boolean> {
  return page.locator('#answers canvas').evaluate((canvas: HTMLCanvasElement, wanted) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue] = data.subarray(at, at + 3);
      if (`#${((red! << 16) | (green! << 8) | blue!).toString(16).padStart(6, '0')}` === wanted) return true;
    }
    return false;
  }, colour);
}

const EXPECTED: Record<string, Expected> = {
  classification: {
    verdict: /^(none|red|blue) · \d+\.\d %$/,
    truth: /^Sample 2: (none|red|blue)$/,
    async shows(page) {
      const all = await bars(page);
      assert.deepEqual(all.map((bar) => bar.split(/\s/)[0]), ['none', 'red', 'blue']);
      assert.equal(await page.locator('.bars .threshold:visible').count(), 0);
    },
  },
  binary: {
    verdict: /^(not red|red) · \d+\.\d %$/,
    truth: /^Sample 2: (not red|red)$/,
    async shows(page) {
      assert.equal((await bars(page)).length, 1);
      assert.equal(await hint(page), 'red above the mark at 50.0 %, otherwise not red.');
      assert.equal(await page.locator('.bars .threshold:visible').count(), 1);
    },
  },
  multi_label: {
    verdict: /^(red|blue|red, blue|Nothing above 50.0 %)$/,
    truth: /^Sample 2: (red|blue|red, blue|none)$/,
    async shows(page) {
      assert.equal((await bars(page)).length, 2);
      assert.equal(await page.locator('.bars .threshold:visible').count(), 2);
    },
  },
  regression: {
    verdict: /^\d+(\.\d+)? px$/,
    truth: /^Sample 2: \d+(\.\d+)? px$/,
    async shows(page) {
      assert.match(await hint(page), /^In the samples, from \d.* px to \d.* px\.$/);
    },
  },
  segmentation: {
    verdict: /^ground \d+\.\d % · (red|blue) \d+\.\d %/,
    truth: /^Sample 2$/,
    async shows(page) {
      const entries = await legend(page);
      assert.match(entries[0]!, /^ground\s+\d+\.\d %$/);
      assert.ok(entries.length > 1, entries.join());
    },
  },
  detection: {
    verdict: /^\d found: (red|blue) \d+\.\d %/,
    truth: /^Sample 2$/,
    async shows(page) {
      const entries = await legend(page);
      assert.match(entries[0]!, /^1\. (red|blue)\s+\d+\.\d %$/);
      const label = await page.locator('#answers canvas').getAttribute('aria-label');
      assert.equal(label, `Boxes over the picture: ${entries.length}`);
      assert.ok(await paints(page, entries[0]!.includes('red') ? '#e69f00' : '#56b4e9'));
    },
  },
  embedding: {
    verdict: /^Nearest: Sample \d · [01]\.\d{3}$/,
    truth: /^Sample 2$/,
    async shows(page) {
      const near = await page.locator('.nearest li').allInnerTexts();
      assert.equal(near.length, 5);
      const cosines = near.map((line) => Number(line.split(/\s/).at(-1)));
      assert.deepEqual(cosines, cosines.toSorted((one, other) => other - one));
      // A sample is not its own neighbour.
      assert.ok(near.every((line) => !line.startsWith('Sample 2')), near.join());
    },
  },
  tensor: {
    verdict: /^16 × 16 × 3 numbers, \S+ to \S+$/,
    truth: /^Sample 2$/,
    async shows(page) {
      const [, figures] = (await page.locator('.figures tr').allInnerTexts()) as [string, string];
      assert.match(figures, /^16 × 16 × 3\t/);
      assert.equal(await page.locator('.numbers tbody tr').count(), 6);
      assert.equal(await page.locator('#answers canvas').getAttribute('aria-label'), 'smaller as a picture');
    },
  },
};

for (const [role, expected] of Object.entries(EXPECTED)) {
  test(`${role}: verdict, samples and drawing, in light and dark colours`, async () => {
    const page = await openAs([role]);
    await choose(page, 1);
    assert.match(await verdict(page), expected.verdict);
    const button = page.locator('#samples button[data-sample="1"]');
    assert.match((await button.getAttribute('aria-label'))!, expected.truth);
    assert.equal(await page.locator('#error').innerText(), '');
    await expected.shows(page);
    await look(page, role);
    await page.close();
  });
}

test('several heads have a section each, in the order of the outputs', async () => {
  const page = await openAs([]);
  await choose(page, 1);
  const sections = page.locator('#answers > div');
  assert.deepEqual(await sections.evaluateAll((all) => all.map((each) => each.className)), Object.keys(EXPECTED));
  assert.deepEqual(await page.locator('#answers h3').allInnerTexts(), [
    'largest', 'is red', 'colours', 'area', 'mask', 'Found', 'direction', 'smaller',
  ]);
  const verdicts = await page.locator('#answers .verdict').allInnerTexts();
  for (const [index, { verdict: wanted }] of Object.values(EXPECTED).entries()) {
    // Other heads know the samples' true answers.
    const words = verdicts[index]!.replace(/: [^·]*(?= · )/, '');
    assert.match(index === 6 ? words.replace('Nearest', 'Nearest: Sample 1') : words, wanted);
  }
  assert.match(await page.locator('#samples button').first().getAttribute('aria-label') ?? '', /^Sample 1: .*, .*, .* px$/);
  // For screen readers: all of it, once.
  const spoken = await page.locator('#verdict').textContent();
  assert.ok(spoken!.startsWith(`largest: ${verdicts[0]}; is red: ${verdicts[1]}; `), spoken!);
  await look(page, 'several');
  await page.close();
});

test('made-up inputs are called so, and give no score', async () => {
  const row = { target: 'web', variant: 'float32', runtime: 'x', status: 'passed', examples: 128, p50_ms: 1 };
  const checks = [{ ...row, accuracy: null, agreement: 1, max_abs_diff: 0, score: 1, metric: 'R²' }];
  const released = { version: 3, metrics: { examples: 128, score: 1, metric: 'R²' }, checks };
  const page = await openAs(['regression'], { made_up: true }, released);
  assert.equal(await page.locator('#samples-heading').innerText(), 'Made-up inputs');
  assert.equal(await page.locator('#facts').innerText(), 'Version 3 · checked with 128 made-up inputs');
  await page.getByText('How this release was checked').click();
  assert.match(await page.locator('#evidence .hint').innerText(), /was run on made-up inputs in its own/);
  assert.ok(!(await page.locator('#checks').innerText()).includes('R²'));
  await page.close();

  const real = await openAs(['regression'], {}, released);
  assert.equal(await real.locator('#samples-heading').innerText(), 'Samples from the test set');
  assert.equal(await real.locator('#facts').innerText(), 'Version 3 · R² 1 on 128 test examples');
  await real.getByText('How this release was checked').click();
  assert.ok((await real.locator('#checks').innerText()).includes('R²'));
  await real.close();
});
