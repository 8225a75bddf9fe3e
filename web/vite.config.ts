/** Builds the page from this folder's files only: a static site for any path prefix. */
import { readFileSync } from 'node:fs';

import { defineConfig } from 'vite';

import { lean, type Needs } from './bundle/lean.ts';
import { patched } from './bundle/patches.ts';

// Names the file that kernels.ts wrote for the model; without it, all of TensorFlow.js is included.
const needs = process.env.FANOUT_NEEDS;

export default defineConfig({
  root: 'app',
  base: './',
  // Otherwise the caches would be among the sources.
  cacheDir: '../node_modules/.vite',
  // Otherwise Vite reads .env files from its folder, on which a build must not depend.
  envDir: false,
  plugins: [patched(), needs ? lean(JSON.parse(readFileSync(needs, 'utf8')) as Needs) : null],
  build: {
    target: 'es2022',
    // Nothing is inlined: the content security policy allows no data: scripts, and caches work by file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'build.json',
    rolldownOptions: {
      input: {
        page: 'app/index.html',
        runner: 'app/src/runner.ts',
        worker: 'app/worker/worker.ts',
      },
      // The runner keeps its exports: the checks import the same file that the page loads.
      preserveEntrySignatures: 'exports-only',
      output: {
        // Two addresses are fixed: browsers look for the worker's next version at its old address,
        // and other pages import the runner, which only re-exports a hashed file.
        entryFileNames: ({ name }) => (name === 'page' ? 'assets/[name]-[hash].js' : '[name].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        // web/site/offline.py relies on the length.
        assetFileNames: 'assets/[name]-[hash:8][extname]',
        // Otherwise code that two files share is a file of its own, shorter than its headers.
        codeSplitting: {
          groups: [{ name: 'app', test: /app\/src/, minShareCount: 2 }],
        },
      },
    },
  },
});
