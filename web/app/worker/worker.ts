/**
 * Keeps one complete release of the site, so that it works without a network.
 *
 * A release is stored as a whole or not at all: each file must have the SHA-256 that release.js
 * states, and release.js must still be the same at the end. Large files that a first visit does not
 * use are stored when they are first used, and only if their digest matches. All files of a page
 * come from one release's store, so a page never gets the model of another release. The next
 * release is stored beside it and takes over when the page asks for it, or when its last tab is
 * closed.
 */
interface Release {
  readonly id: string;
  /** The SHA-256 of each file, in hexadecimal digits. */
  readonly files: Readonly<Record<string, string>>;
  /** The same for the files that are stored when they are used. */
  readonly later: Readonly<Record<string, string>>;
  /** Files that hold the version, which is set only after the build. */
  readonly versioned: readonly string[];
}

const scope = self as unknown as ServiceWorkerGlobalScope & { readonly RELEASE: Release };

// A change of this script also counts as an update of the worker.
scope.importScripts('release.js');
const { RELEASE } = scope;
const PREFIX = `${scope.registration.scope} `;
const STORE = PREFIX + RELEASE.id;

scope.addEventListener('install', (event) => event.waitUntil(storeRelease()));
scope.addEventListener('activate', (event) => event.waitUntil(takeOver()));
scope.addEventListener('message', (event) => {
  if (event.data === 'take over') void scope.skipWaiting();
});
scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(scope.registration.scope)) return;
  event.respondWith(answer(request));
  if (request.mode === 'navigate') event.waitUntil(refreshVersion().catch(() => undefined));
});

async function answer(request: Request): Promise<Response> {
  const store = await caches.open(STORE);
  const stored = await store.match(request, { ignoreSearch: true, ignoreVary: true });
  if (stored) return stored;
  const name = request.url.slice(scope.registration.scope.length).split(/[?#]/)[0]!;
  const digest = RELEASE.later[name];
  if (digest === undefined) return fetch(request);
  try {
    return await storeFile(store, name, digest);
  } catch (error) {
    // A readable answer, because the page cannot see why a request failed.
    return new Response(String(error), { status: 409, statusText: 'Conflict' });
  }
}

/** Stores a file and returns it. Throws when it does not have the digest. */
async function storeFile(store: Cache, name: string, digest: string): Promise<Response> {
  const response = await load(name);
  if ((await sha256(response.clone())) !== digest) {
    throw new Error(`${name} is not from release ${RELEASE.id}`);
  }
  await store.put(address(name), response.clone());
  return response;
}

async function storeRelease(): Promise<void> {
  const store = await caches.open(STORE);
  try {
    await Promise.all(
      Object.entries(RELEASE.files).map(([name, digest]) => storeFile(store, name, digest)),
    );
    await refreshVersion();
    // People open the site's address without a file name.
    await store.put(address(''), (await store.match(address('index.html')))!);
  } catch (error) {
    await caches.delete(STORE);
    throw error;
  }
}

/** Stores the files that hold the version, unless the server has moved on to another release. */
async function refreshVersion(): Promise<void> {
  const responses = await Promise.all(RELEASE.versioned.map(load));
  const now = await (await load('release.js')).text();
  if (!now.includes(JSON.stringify(RELEASE.id))) throw new Error('there is a newer release');
  const store = await caches.open(STORE);
  await Promise.all(
    RELEASE.versioned.map((name, index) => store.put(address(name), responses[index]!)),
  );
}

async function takeOver(): Promise<void> {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== STORE);
  await Promise.all(others.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

async function load(name: string): Promise<Response> {
  const response = await fetch(address(name), { cache: 'no-cache' });
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  return response;
}

function address(name: string): string {
  return new URL(name, scope.registration.scope).href;
}

async function sha256(response: Response): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
