/** What axe-core, the field's own rules, objects to on a page. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Axe {
  readonly axe: typeof axe;
}

/** Returns one sentence a rule that is broken. Throws when next to nothing was looked at. */
export async function objections(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() =>
    (globalThis as unknown as Axe).axe.run(),
  );
  const looked = passes.length + violations.length;
  if (looked <= 5) throw new Error(`axe looked at ${looked} rules only`);
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html).join(' ')}`,
  );
}
