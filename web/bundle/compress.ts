/**
 * Puts compressed copies beside a site's files, for a server to send unchanged: compress.ts SITE
 *
 * A server regards a copy that is older than its original as outdated and does not use it.
 * contract.json and similar files are left out: a release writes its version into them.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const TYPES = new Set(['.bin', '.css', '.html', '.js', '.json', '.svg', '.tflite', '.wasm', '.webmanifest']);
const REWRITTEN = new Set(['contract.json', 'golden.json', 'released.json', 'package.json', 'server.json']);
// A copy must save more than a second file costs.
const WORTH_IT = 0.95;
// Brotli would take half a minute for ten megabytes.
const LARGE = 2 ** 21;
const CACHE = fileURLToPath(new URL('../node_modules/.cache/compressed/', import.meta.url));

const site = process.argv[2]!;
const entries = await readdir(site, { recursive: true });
const compressible = entries.filter((entry) => TYPES.has(extname(entry)) && !REWRITTEN.has(entry));
// Node.js compresses a few at a time, on its own threads.
await Promise.all(compressible.map((entry) => compress(join(site, entry))));

async function compress(file: string): Promise<void> {
  const data = await readFile(file);
  if (data.length > LARGE) return keep(file, '.gz', data, await largeCopy(data));
  await keep(file, '.br', data, await promisify(brotliCompress)(data, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    },
  }));
  await keep(file, '.gz', data, await promisify(gzip)(data, { level: constants.Z_BEST_COMPRESSION }));
}

async function keep(file: string, suffix: string, data: Buffer, copy: Buffer): Promise<void> {
  if (copy.length <= data.length * WORTH_IT) await writeFile(file + suffix, copy);
}

/** LiteRT.js' code is the same in every site of an installation, so it is compressed once. */
async function largeCopy(data: Buffer): Promise<Buffer> {
  const digest = createHash('sha256').update(data).digest('hex');
  const cached = join(CACHE, `${digest}.gz`);
  if (existsSync(cached)) return readFile(cached);
  const copy = await promisify(gzip)(data, { level: constants.Z_BEST_COMPRESSION });
  await mkdir(CACHE, { recursive: true });
  // Written aside and renamed: another process may be looking for it.
  const staging = `${cached}.${process.pid}`;
  await writeFile(staging, copy);
  await rename(staging, cached);
  return copy;
}
