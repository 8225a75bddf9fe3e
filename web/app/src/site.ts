/** The models that a released site can run: site.json. */
import { type Contract, loadContract } from './contract.ts';
import { fetchJson, requireSchema } from './http.ts';

export interface Site {
  readonly base: URL;
  readonly contract: Contract;
  /** Identifies the release's contents: another release has another id. */
  readonly id: string;
  /** The path of model.json for each form of the weights; the default comes first. */
  readonly weights: Readonly<Record<string, string>>;
  /** The float32 TensorFlow Lite file, the device's own; null if the model does not have one. */
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
 * Throws when the server has moved on to another release, whose files must not be mixed with this
 * one's. Call it after loading: a release that is there before and after is there in between.
 */
export async function requireUnchanged(site: Site): Promise<void> {
  const { id } = await loadDocument(site.base);
  if (id !== site.id) {
    throw new Error('The site was updated. Reload the page to get the new version.');
  }
}

async function loadDocument(base: URL): Promise<SiteDocument> {
  const document = (await fetchJson('site.json', base)) as SiteDocument;
  requireSchema(document, 'site.json');
  return document;
}
