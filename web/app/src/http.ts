/** Fetches the files of a site; problems become readable messages. */

/** Returns a released file's contents; asks the server for it each time. */
export async function fetchJson(name: string, base: URL): Promise<unknown> {
  let response: Response;
  try {
    // Released files change under the same name, so the server is asked whether they did.
    response = await fetch(new URL(name, base), { cache: 'no-cache' });
  } catch (cause) {
    throw new Error(`${name} could not be reached. Is the server still running?`, { cause });
  }
  requireAnswer(response, name);
  try {
    return (await response.json()) as unknown;
  } catch (cause) {
    throw new Error(`${name} is not JSON; the site is incomplete.`, { cause });
  }
}

/** Throws when the answer is not the file that was asked for. */
export function requireAnswer(response: Response, name = nameOf(response)): void {
  // This is the answer of this page's worker when the server has another release's file.
  if (response.status === 409) {
    throw new Error('The site was updated. Reload the page to get the new version.');
  }
  if (!response.ok) throw new Error(`${name} is missing: the server answered ${response.status}.`);
  // Hosts for single-page apps answer with their front page if a file is missing.
  if (response.headers.get('content-type')?.startsWith('text/html')) {
    throw new Error(`${name} is missing: the server answered with a web page.`);
  }
}

function nameOf(response: Response): string {
  return response.url.split(/[?#]/)[0]!.split('/').at(-1)!;
}

const SCHEMA = 1;

export function requireSchema(document: { schema?: number }, name: string): void {
  if (document.schema !== SCHEMA) {
    throw new Error(`${name} has schema ${document.schema}; this page reads schema ${SCHEMA}.`);
  }
}
