// One server for the pages of the browser tests: every folder `e2e/<name>/` with an index.html is a page at
// http://127.0.0.1:4300/e2e/<name>/, which imports straight from `/src/`. Same headers as the site; /models/ holds the golden vectors too.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { modelsFolder, researchModelsFolder } from '../scripts/model-packages.mjs';
import { modelFiles } from '../site/vite/model-files.ts';
import { packageEntries } from '../site/vite/package-entries.ts';
import { securityHeaders } from '../site/vite/security-headers.ts';
import { strictResponses } from '../site/vite/strict-responses.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  root: repository,
  publicDir: path.join(repository, 'public'),
  cacheDir: path.join(repository, 'node_modules/.vite-e2e'),
  appType: 'mpa',
  plugins: [strictResponses(securityHeaders), modelFiles({ folders: [modelsFolder(), researchModelsFolder()] })],
  resolve: { alias: packageEntries() },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    port: Number(process.env['PERSONA_PLUG_PAGES_PORT'] ?? 4300),
    strictPort: true,
    cors: false,
    hmr: false,
    watch: null,
  },
  optimizeDeps: {
    // Named here, since a dependency that is found later reloads the page under a running test.
    include: [
      '@mlc-ai/web-llm',
      '@huggingface/tokenizers',
      'idb',
      'valibot',
      'preact',
      '@preact/signals',
      '@jax-js/jax',
    ],
    exclude: ['onnxruntime-web'],
    entries: ['e2e/*/index.html'],
  },
});
