/** What a released site offers to run: site.json. */
import { type Contract, loadContract } from './contract.ts';
import { fetchJson, requireSchema } from './http.ts';

export interface Site {
  readonly base: URL;
  readonly contract: Contract;
  /** Names the release's contents: another release has another one. */
  readonly id: string;
  /** For each form of the weights, the default first, where its model.json is. */
  readonly weights: Readonly<Record<string, string>>;
  /** The float32 TensorFlow Lite file, the device's own; null when the model has none. */
  readonly tflite: string | null;
}

interface SiteDocument extends Omit<Site, 'base' | 'contract'> {
  readonly schema: number;
}

export async function loadSite(base: URL): Promise<Site> {
  const [contract, { id, weights, tflite }] = await Promise.all([
    loadContract(base),
    loadDocument(base),
  ]);
  return { base, contract, id, weights, tflite };
}

/**
 * Throws when the server has gone on to another release, whose files must not be mixed with this
 * one's. Call it after loading: what was there before and after was there in between.
 */
export async function requireUnchanged(site: Site): Promise<void> {
  const { id } = await loadDocument(site.base);
  if (id !== site.id) throw new Error('The site was updated. Reload the page to get all of it.');
}

async function loadDocument(base: URL): Promise<SiteDocument> {
  const document = (await fetchJson('site.json', base)) as SiteDocument;
  requireSchema(document, 'site.json');
  return document;
}
