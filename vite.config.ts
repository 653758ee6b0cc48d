// The demo site (development, preview, build) and, with `--mode library`, the package itself.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type UserConfig } from 'vite';
import packageJson from './package.json' with { type: 'json' };
import { modelFiles } from './site/vite/model-files.ts';
import { packageEntries } from './site/vite/package-entries.ts';
import { strictResponses } from './site/vite/strict-responses.ts';

const repository = fileURLToPath(new URL('.', import.meta.url));

/** IndexedDB belongs to the port too: it never changes by itself. */
const address = { host: '127.0.0.1', port: 5180, strictPort: true, cors: false } as const;

const site: UserConfig = {
  root: path.join(repository, 'site'),
  publicDir: path.join(repository, 'public'),
  cacheDir: path.join(repository, 'node_modules/.vite'),
  // An unknown address is a 404, not the page.
  appType: 'mpa',
  plugins: [strictResponses(), modelFiles()],
  resolve: { alias: packageEntries() },
  worker: { format: 'es' },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { ...address, fs: { allow: [repository] } },
  preview: address,
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  build: {
    target: 'es2022',
    outDir: path.join(repository, 'dist-site'),
    emptyOutDir: true,
    // The policy allows no inline script, and no font or wasm in a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8192,
    sourcemap: false,
  },
};

const external = Object.keys({ ...packageJson.dependencies, ...packageJson.peerDependencies });

const library: UserConfig = {
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: path.join(repository, 'dist'),
    // Or a chunk of an earlier build would be packed. The types come afterwards.
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    lib: {
      formats: ['es'],
      entry: {
        index: path.join(repository, 'src/index.ts'),
        worker: path.join(repository, 'src/worker/index.ts'),
        webllm: path.join(repository, 'src/language-model/webllm/index.ts'),
        evaluation: path.join(repository, 'src/evaluation/index.ts'),
        tuning: path.join(repository, 'src/worker/tuning/index.ts'),
        testing: path.join(repository, 'src/testing/index.ts'),
      },
    },
    rolldownOptions: {
      external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
      // A file for each source file: the application's bundler then makes chunks of what the application uses.
      output: { preserveModules: true, preserveModulesRoot: path.join(repository, 'src') },
    },
  },
};

export default defineConfig(({ mode }) => (mode === 'library' ? library : site));
