/** Finds the problems of a page with axe-core, the field's standard set of rules. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Axe {
  readonly axe: typeof axe;
}

/** Returns one sentence per broken rule. Throws when almost nothing was checked. */
export async function objections(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() =>
    (globalThis as unknown as Axe).axe.run(),
  );
  const checked = passes.length + violations.length;
  if (checked <= 5) throw new Error(`axe checked only ${checked} rules`);
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html).join(' ')}`,
  );
}
