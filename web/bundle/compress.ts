/**
 * Puts compressed copies beside a site's files, for a server to send unchanged: compress.ts SITE
 *
 * A server regards a copy that is older than its original as outdated and does not use it.
 * contract.json and similar files are left out: a release writes its version into them.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const TYPES = new Set(['.bin', '.css', '.html', '.js', '.json', '.svg', '.tflite', '.wasm', '.webmanifest']);
const REWRITTEN = new Set(['contract.json', 'golden.json', 'released.json', 'package.json', 'server.json']);
// A copy must save more than a second file costs.
const WORTH_IT = 0.95;
// A smaller file is one packet with or without it, and a digest in it would decide about the copy.
const LEAST = 512;
// Brotli would take half a minute for ten megabytes.
const LARGE = 2 ** 21;
// Another Node.js may compress differently.
const CACHE = fileURLToPath(
  new URL(`../node_modules/.cache/compressed/${process.version}/`, import.meta.url),
);

const site = process.argv[2]!;
const entries = await readdir(site, { recursive: true });
const compressible = entries.filter((entry) => TYPES.has(extname(entry)) && !REWRITTEN.has(entry));
// Node.js compresses a few at a time, on its own threads.
await Promise.all(compressible.map((entry) => compress(entry)));

async function compress(entry: string): Promise<void> {
  const file = join(site, entry);
  const data = await readFile(file);
  if (data.length < LEAST) return;
  // Code is the same in many sites of an installation, so it is compressed once.
  const copy = entry.startsWith(`assets${sep}`) ? kept : made;
  if (data.length <= LARGE) await keep(file, '.br', data, await copy('.br', data));
  await keep(file, '.gz', data, await copy('.gz', data));
}

async function keep(file: string, suffix: string, data: Buffer, copy: Buffer): Promise<void> {
  if (copy.length <= data.length * WORTH_IT) await writeFile(file + suffix, copy);
}

function made(suffix: '.br' | '.gz', data: Buffer): Promise<Buffer> {
  if (suffix === '.gz') return promisify(gzip)(data, { level: constants.Z_BEST_COMPRESSION });
  return promisify(brotliCompress)(data, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    },
  });
}

async function kept(suffix: '.br' | '.gz', data: Buffer): Promise<Buffer> {
  const digest = createHash('sha256').update(data).digest('hex');
  const cached = join(CACHE, `${digest}${suffix}`);
  if (existsSync(cached)) return readFile(cached);
  const copy = await made(suffix, data);
  await mkdir(CACHE, { recursive: true });
  // Written aside and renamed: another process may be looking for it.
  const staging = `${cached}.${process.pid}`;
  await writeFile(staging, copy);
  await rename(staging, cached);
  return copy;
}
