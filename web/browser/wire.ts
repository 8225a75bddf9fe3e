/** Counts what a page loads, as the browser counts it: compressed bodies and headers. */
import type { Page } from 'playwright-core';

export interface Counted {
  /** Returns the total bytes so far, of the addresses that count. */
  bytes(): number;
  /** Returns the bytes so far of each address. */
  byAddress(): ReadonlyMap<string, number>;
}

/** Starts to count for a page that has loaded nothing yet. */
export async function countedBytes(page: Page, counts: (url: string) => boolean): Promise<Counted> {
  const session = await page.context().newCDPSession(page);
  const addresses = new Map<string, string>();
  const bytes = new Map<string, number>();
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    addresses.set(requestId, request.url);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const url = addresses.get(requestId);
    if (url && counts(url)) bytes.set(url, (bytes.get(url) ?? 0) + encodedDataLength);
  });
  await session.send('Network.enable');
  return {
    bytes: () => [...bytes.values()].reduce((sum, size) => sum + size, 0),
    byAddress: () => bytes,
  };
}
