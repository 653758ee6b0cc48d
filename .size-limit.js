// How much code an application loads: minified, compressed, without the runtimes (size-limit leaves out peers).

/** What is there at once: code behind an `import()` is left out. */
const loadedAtOnce = (configuration) => ({
  ...configuration,
  format: 'esm',
  plugins: [
    {
      name: 'without-lazy-chunks',
      setup: (build) =>
        build.onResolve({ filter: /./ }, ({ kind }) => (kind === 'dynamic-import' ? { external: true } : undefined)),
    },
  ],
});

/**
 * Everything that a page loads in the end, in chunks as a bundler makes them. It runs one language model runtime, and both only where
 * WebLLM was given up.
 */
const loadedInTheEnd = (otherRuntime) => (configuration) => ({
  ...configuration,
  format: 'esm',
  splitting: true,
  plugins: [
    {
      name: 'without-the-other-runtime',
      setup: (build) => build.onResolve({ filter: otherRuntime }, () => ({ external: true })),
    },
  ],
});

const clientAndWorker = {
  path: ['dist/index.js', 'dist/worker.js'],
  import: { 'dist/index.js': '{ createPersonalizer }', 'dist/worker.js': '{ servePersonaWorker }' },
  limit: '70 kB',
  gzip: true,
};

export default [
  {
    name: 'client',
    path: 'dist/index.js',
    import: '{ createPersonalizer }',
    limit: '5 kB',
    gzip: true,
    modifyEsbuildConfig: loadedAtOnce,
  },
  { name: 'worker', path: 'dist/worker.js', limit: '5 kB', gzip: true, modifyEsbuildConfig: loadedAtOnce },
  { name: 'webllm alone', path: 'dist/webllm.js', limit: '4.2 kB', gzip: true, modifyEsbuildConfig: loadedAtOnce },
  {
    ...clientAndWorker,
    name: 'client and worker with their lazy chunks, on WebGPU',
    modifyEsbuildConfig: loadedInTheEnd(/\/onnx-language-model\.js$/),
  },
  {
    ...clientAndWorker,
    name: 'client and worker with their lazy chunks, on wasm',
    modifyEsbuildConfig: loadedInTheEnd(/\/webllm-language-model\.js$/),
  },
  {
    ...clientAndWorker,
    name: 'client and worker with their lazy chunks, both runtimes',
    limit: '74 kB',
    modifyEsbuildConfig: loadedInTheEnd(/^no module$/),
  },
];
