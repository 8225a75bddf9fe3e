/** Facts about the model from the release's manifest: released.json. */
import { fetchJson, requireSchema } from './http.ts';

export interface Released {
  /** null for a build that was not released. */
  readonly version: number | null;
  /** ISO 8601; null for a build that was not released. */
  readonly created: string | null;
  readonly metrics: {
    readonly examples?: number;
    readonly accuracy?: number | null;
    /** The score of a model without classes, and its name. */
    readonly score?: number | null;
    readonly metric?: string;
  };
  readonly checks: readonly ReleaseCheck[];
}

/** A row of the manifest: the results of one runtime on the test set. */
export interface ReleaseCheck {
  readonly target: string;
  readonly variant: string;
  readonly runtime: string;
  readonly status: string;
  readonly examples: number | null;
  readonly accuracy: number | null;
  readonly score?: number | null;
  readonly metric?: string;
  readonly agreement: number | null;
  readonly max_abs_diff: number | null;
  readonly p50_ms: number | null;
}

export async function loadReleased(base: URL): Promise<Released> {
  const released = (await fetchJson('released.json', base)) as Released & { schema: number };
  requireSchema(released, 'released.json');
  return released;
}
