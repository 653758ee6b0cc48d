// `npm run evaluate`: bundles the evaluation (TypeScript) into a temporary folder and runs it in this process.
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkNode, installMissing } from './dependencies.mjs';
import { repository } from './repository.mjs';
import { CommandError, progressBar, say } from './terminal.mjs';

/** Below node_modules, so that the bundle finds the packages that it leaves out. */
const parent = path.join(repository, 'node_modules/.cache');
const prefix = 'evaluate-';
const day = 24 * 60 * 60 * 1000;

async function bundle(folder) {
  const { build } = await import('vite');
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

/** Removes bundles of killed runs. */
async function removeOldBundles() {
  for (const name of await readdir(parent)) {
    const folder = path.join(parent, name);
    const isOld = name.startsWith(prefix) && Date.now() - (await stat(folder)).mtimeMs > day;
    if (isOld) await rm(folder, { recursive: true, force: true });
  }
}

async function run(folder) {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    // The first signal stops the run after the current step, the second one at once.
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error('stopped by Ctrl-C'));
  });
  /** Starts at the first prediction, so that loading the models does not count in the time left. */
  let bar = null;
  try {
    const { main } = await bundle(folder);
    return await main(process.argv.slice(2), {
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
    if (controller.signal.aborted) return 130;
    // An error of the package says what to do. For any other error the stack is needed.
    say(error?.name === 'PersonaPlugError' ? error.message : (error?.stack ?? String(error)));
    return 1;
  }
}

async function main() {
  checkNode();
  await installMissing();
  await mkdir(parent, { recursive: true });
  await removeOldBundles();
  const folder = await mkdtemp(path.join(parent, prefix));
  try {
    process.exitCode = await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
