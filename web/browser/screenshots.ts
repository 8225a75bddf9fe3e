/**
 * Takes pictures of a page as people see it: screenshots.ts ADDRESS FOLDER [SAMPLE]
 *
 * A phone and a desktop, in light and dark colours: FOLDER/phone-light.png and so on. Those of the
 * README are sample 6 of a deployed fashion release: screenshots.ts http://127.0.0.1:8080/ FOLDER 6
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PATIENCE, withBrowser } from './session.ts';

const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1080, height: 760 }, deviceScaleFactor: 1 },
};

const [address, folder, sample = '0'] = process.argv.slice(2) as [string, string, string?];
await mkdir(folder, { recursive: true });
await withBrowser(async ({ browser }) => {
  for (const [screen, options] of Object.entries(SCREENS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' });
      context.setDefaultTimeout(PATIENCE);
      const page = await context.newPage();
      await page.goto(address);
      await page.locator('#app[data-status="ready"]').waitFor();
      await page.locator(`button[data-sample="${sample}"]`).click();
      await page.locator(`#result[data-sample="${sample}"]`).waitFor();
      await page.locator('#app[data-status="ready"]').waitFor();
      // If there is a model server, its answer belongs in the picture.
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: join(folder, `${screen}-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  }
});
