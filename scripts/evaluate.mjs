// `npm run evaluate`: bundles the evaluation (TypeScript) into a temporary folder and runs it in this very Node.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { repository } from './repository.mjs';
import { progressBar, say } from './terminal.mjs';

/** Below node_modules, so that the bundle finds the packages that it leaves out. */
const parent = path.join(repository, 'node_modules/.cache');

async function bundle(folder) {
  await build({
    configFile: false,
    root: repository,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: path.join(repository, 'src/evaluation/node/main.ts'),
      outDir: folder,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rolldownOptions: { output: { entryFileNames: 'main.mjs', chunkFileNames: '[name]-[hash].mjs' } },
    },
  });
  return await import(pathToFileURL(path.join(folder, 'main.mjs')).href);
}

await mkdir(parent, { recursive: true });
const folder = await mkdtemp(path.join(parent, 'evaluate-'));
const controller = new AbortController();
process.on('SIGINT', () => {
  // Once stops at the next prediction, twice at once.
  if (controller.signal.aborted) process.exit(130);
  controller.abort(new Error('stopped by Ctrl-C'));
});
/** From the first prediction on, so that the time left is not that of loading models. */
let bar = null;
try {
  const { main } = await bundle(folder);
  process.exitCode = await main(process.argv.slice(2), {
    say(sentence) {
      bar?.clear();
      say(sentence);
    },
    progress(done, total, label) {
      bar ??= progressBar('Evaluation');
      bar.update(done, total, label);
    },
    signal: controller.signal,
  });
} catch (error) {
  bar?.clear();
  if (controller.signal.aborted) process.exitCode = 130;
  // An error of the package says what to do; of any other one the place counts.
  else {
    say(error?.name === 'PersonaPlugError' ? error.message : (error?.stack ?? String(error)));
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
