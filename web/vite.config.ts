/** Builds the page: a static site that works under any path prefix, from what is in this folder alone. */
import { readFileSync } from 'node:fs';

import { defineConfig } from 'vite';

import { lean, type Needs } from './bundle/lean.ts';

// Names the file that kernels.ts wrote for the model; without it all of TensorFlow.js goes in.
const needs = process.env.FANOUT_NEEDS;

export default defineConfig({
  root: 'app',
  base: './',
  // Otherwise caches would stand among the sources.
  cacheDir: '../node_modules/.vite',
  // Vite would also read .env files of the folder it stands in: a build must not depend on them.
  envDir: false,
  plugins: needs ? [lean(JSON.parse(readFileSync(needs, 'utf8')) as Needs)] : [],
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
      // The runner keeps its exports: the checks import the very file that the page loads.
      preserveEntrySignatures: 'exports-only',
      output: {
        // Two addresses stay: browsers look for the worker's next version where it was, and other
        // pages import the runner, which only passes on what a hashed file holds.
        entryFileNames: ({ name }) => (name === 'page' ? 'assets/[name]-[hash].js' : '[name].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
        // Else what two files share is a file of its own, shorter than the headers of its answer.
        codeSplitting: {
          groups: [{ name: 'app', test: /app\/src|preload-helper/, minShareCount: 2 }],
        },
      },
    },
  },
});
