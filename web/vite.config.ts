/** Builds the page: a static site that works under any path prefix, from what is in this folder alone. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'app',
  base: './',
  // Vite would also read .env files of the folder it stands in: a build must not depend on them.
  envDir: false,
  build: {
    target: 'es2022',
    // Nothing is inlined: the content security policy allows no data: scripts, and caches work by file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'build.json',
    rolldownOptions: {
      input: { page: 'app/index.html', runner: 'app/src/runner.ts' },
      // The runner keeps its exports: the checks import the very file that the page loads.
      preserveEntrySignatures: 'exports-only',
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});
