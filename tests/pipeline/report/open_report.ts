/** Opens a report as a file and returns its problems; takes screenshots on request. */
import { pathToFileURL } from 'node:url';

import { objections } from '../../../web/browser/accessibility.ts';
import { runJob } from '../../../web/browser/job.ts';
import { watchedPage, withBrowser } from '../../../web/browser/session.ts';

interface Job {
  readonly answer: string;
  readonly file: string;
  readonly timeout: number;
  readonly pictures?: Record<'light' | 'dark', string>;
}

await runJob(async ({ file, timeout, pictures }: Job) =>
  withBrowser(async ({ browser }) => {
    const problems: string[] = [];
    let requests: string[] = [];
    let headings: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
      const watched = await watchedPage(context, 'null');
      const { page } = watched;
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(file).href, { timeout, waitUntil: 'load' });
      headings = await page.locator('h2').allTextContents();
      // Content that is wider than the window would be cut off on paper and on a phone.
      for (const width of [1280, 400]) {
        await page.setViewportSize({ width, height: 900 });
        const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        if (Number(over) > 0) problems.push(`${over} px too wide for a window of ${width} px`);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      problems.push(...(await objections(page)));
      if (pictures) await page.screenshot({ path: pictures[colorScheme], fullPage: true });
      problems.push(...watched.problems);
      await context.close();
    }
    requests = [...new Set(requests)].filter((url) => !url.startsWith('data:'));
    return { problems, requests, headings };
  }),
);
