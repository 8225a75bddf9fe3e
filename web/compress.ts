/**
 * Puts compressed copies beside a site's files, which a server sends as they are: compress.ts SITE
 *
 * A server takes a copy that is older than its original for outdated and leaves it alone.
 * contract.json and golden.json are left out: a release writes its version into them.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const TYPES = new Set(['.bin', '.css', '.html', '.js', '.json', '.svg', '.wasm', '.webmanifest']);
const REWRITTEN = new Set(['contract.json', 'golden.json']);
// A copy must save what a second file costs.
const WORTH_IT = 0.95;

const site = process.argv[2]!;
for (const entry of await readdir(site, { recursive: true })) {
  if (TYPES.has(extname(entry)) && !REWRITTEN.has(entry)) await compress(join(site, entry));
}

async function compress(file: string): Promise<void> {
  const data = await readFile(file);
  const copies = {
    '.br': await promisify(brotliCompress)(data, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
      },
    }),
    '.gz': await promisify(gzip)(data, { level: constants.Z_BEST_COMPRESSION }),
  };
  for (const [suffix, copy] of Object.entries(copies)) {
    if (copy.length > data.length * WORTH_IT) continue;
    await writeFile(file + suffix, copy);
  }
}
