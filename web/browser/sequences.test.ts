/** Uses the page of a model that takes a table of numbers and a row of ids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { objections } from './accessibility.ts';
import { open, useBrowser, verdict } from './open_page.ts';

useBrowser();

test('a table is a line per step, and ids are whole numbers', async () => {
  const page = await open();
  const steps = page.locator('textarea[name="steps"]');
  const lines = (await steps.inputValue()).split('\n');
  assert.deepEqual([lines.length, ...lines.map((line) => line.split(', ').length)], [5, 4, 4, 4, 4, 4]);
  assert.equal((await page.locator('input[name="ids"]').inputValue()).split(', ').length, 5);

  await steps.fill(lines.map(() => '0.5, -0.5, 0, 1').join('\n'));
  const changed = page.locator('#result[data-sample=""]');
  await changed.waitFor();
  assert.match(await verdict(page), / · /);

  const error = page.locator('#error');
  await page.locator('input[name="ids"]').fill('1, 2, 3, 4, 4.5');
  await error.filter({ hasText: 'ids must be a whole number; got 4.5' }).waitFor();
  await steps.fill('1, 2');
  await error.filter({ hasText: 'steps takes 20 values (5 × 4)' }).waitFor();
  assert.deepEqual(await objections(page), []);

  await page.locator('[data-sample="1"]').and(page.locator('button')).click();
  await page.locator('#result[data-sample="1"]').waitFor();
  assert.equal(await error.innerText(), '');
  await page.close();
});
