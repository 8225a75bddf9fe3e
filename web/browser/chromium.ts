/**
 * The Chromium in which the checks run: the one that FANOUT_CHROME names, or else the headless
 * shell that package-lock.json pins. The latter is unpacked once, below node_modules/.cache.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import packaged, { inflate } from '@sparticuz/chromium';

export interface Installed {
  readonly executable: string;
  readonly env: Record<string, string>;
}

/** No sandbox: it needs user namespaces, which containers lack, and only our own site is opened. */
export const ARGUMENTS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--force-color-profile=srgb',
  // WebGL without a graphics card.
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url));
const PACKAGE = join(MODULES, '@sparticuz', 'chromium');

/** Returns a browser that starts on this machine. Throws an error with the reason if none does. */
export async function chromium(): Promise<Installed> {
  const chosen = process.env.FANOUT_CHROME;
  if (chosen) {
    if (!existsSync(chosen)) {
      throw new Error(`no browser: FANOUT_CHROME names ${chosen}, which does not exist`);
    }
    return starting(chosen, [{}]);
  }
  const folder = await inflated();
  const env = { FONTCONFIG_FILE: join(folder, 'fonts.conf') };
  // A minimal machine lacks NSS and Expat, which the package includes for such cases. Its
  // copies come second: a system's own libraries fit its C library.
  return starting(join(folder, 'chromium'), [
    env,
    { ...env, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') },
  ]);
}

function starting(executable: string, environments: Record<string, string>[]): Installed {
  let reason = '';
  for (const env of environments) {
    const run = spawnSync(executable, ['--version', '--no-sandbox'], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: 120_000,
    });
    if (run.status === 0) return { executable, env };
    reason = run.error?.message ?? run.stderr.trim().split('\n').at(-1) ?? `signal ${run.signal}`;
  }
  throw new Error(`no browser: ${executable} does not start: ${reason}`);
}

async function inflated(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
    version: string;
  };
  const cache = join(MODULES, '.cache');
  const folder = join(cache, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, 'inflating-'));
  try {
    await inflateInto(staging, folder);
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Another process was faster. Its folder is complete, because a rename is atomic.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

async function inflateInto(staging: string, folder: string): Promise<void> {
  const before = process.env.TMPDIR;
  // The package unpacks into the temporary folder; this one is not shared with other users.
  process.env.TMPDIR = staging;
  try {
    await packaged.executablePath();
    await inflate(join(PACKAGE, 'bin', 'al2023.tar.br'));
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  // mkdtemp and the package allow only the owner; every user who runs the checks needs access.
  await chmod(staging, 0o755);
  await chmod(join(staging, 'chromium'), 0o755);
  await writeFile(
    join(staging, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`,
  );
}
