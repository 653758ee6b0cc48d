// Measures the training of adapters in a real Chromium on this machine and prints Markdown tables:
// node bench/tuning.mjs [--only SECTION] [--steps 5]
// The time of a step is printed with that of the same example's loss without gradients, since their ratio depends less on the machine.
// Sections: steps (every padded length), shapes (abstracts, four retrieved items, batches), memory (whole trainings), threads
// (jax-js with workers of its own, which the package's policy does not allow).
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { browserFlags, findBrowser } from '../scripts/browser.mjs';
import { rendererMemory } from './tuning/renderer-memory.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const port = 4397;
const option = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : null);
const steps = Number(option('--steps') ?? 5);
const only = option('--only');
const address = `http://127.0.0.1:${port}/bench/tuning/`;

const kinds = ['prompt', 'lora'];
const caseOf = (name, kind, length, answer, batch = 1) => ({ name, kind, length, answer, batch });
const headline = ['a headline', 64, 12];
const abstract = ['an abstract, paper_title', 256, 24];
const retrieved = ['a headline with four retrieved items, bm25-4', 512, 12];

const sections = {
  steps: async () =>
    await table(kinds.flatMap((kind) => [32, 64, 128, 256].map((length) => caseOf('', kind, length, 12)))),
  shapes: async () =>
    await table([
      ...kinds.flatMap((kind) =>
        [headline, abstract, retrieved].map(([name, length, answer]) => caseOf(name, kind, length, answer)),
      ),
      ...kinds.flatMap((kind) => [caseOf('8 headlines a step', kind, 64, 12, 8)]),
      ...kinds.flatMap((kind) => [caseOf('8 abstracts a step', kind, 256, 24, 8)]),
    ]),
  memory: measureMemory,
  async threads() {
    const cases = kinds.flatMap((kind) => [headline, abstract].map(([name, ...sizes]) => caseOf(name, kind, ...sizes)));
    console.log('One thread, as in the package:\n');
    await table(cases);
    console.log(`\nWith a policy that lets jax-js start workers, ${os.cpus().length} cores:\n`);
    await table(cases, { config: 'bench/tuning/threads.vite.config.ts', threads: true });
  },
};

async function withServer(config, work) {
  const server = spawn(path.join(repository, 'node_modules/.bin/vite'), ['--config', config], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PERSONA_PLUG_PAGES_PORT: String(port) },
  });
  const closed = new Promise((resolve) => {
    server.on('close', resolve);
  });
  try {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const isUp = await fetch(address).then(
        (response) => response.ok,
        () => false,
      );
      if (isUp) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return await work();
  } finally {
    server.kill();
    await closed;
  }
}

/** Runs in a browser of its own, so that its memory is that of one measurement. */
async function withPage(work) {
  const server = await chromium.launchServer({
    executablePath: findBrowser() ?? undefined,
    args: browserFlags('off'),
  });
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(address);
    await page.waitForFunction(() => 'tuningBench' in globalThis);
    return await work(page, server.process().pid);
  } finally {
    await server.close();
  }
}

async function table(cases, { config = 'e2e/vite.config.ts', threads = false } = {}) {
  await withServer(config, async () => {
    await withPage(async (page) => {
      const { figures, loadMilliseconds, longestGap, isIsolated, ownWorkers } = await page.evaluate(
        async (measurement) => await globalThis.tuningBench.measure(measurement),
        { cases, steps, threads },
      );
      console.log(
        `Weights and jax-js loaded in ${Math.round(loadMilliseconds)} ms; the page's longest gap: ${Math.round(longestGap)} ms; cross-origin isolated: ${isIsolated}; workers of jax-js: ${ownWorkers}.\n`,
      );
      console.log('| trained | items | positions | first step | step | an item | loss alone | ratio |');
      console.log('|---|---|---|---|---|---|---|---|');
      for (const { name, kind, length, batch, firstMilliseconds, stepMilliseconds, forwardMilliseconds } of figures) {
        const item = stepMilliseconds / batch;
        const seconds = (firstMilliseconds / 1000).toFixed(1);
        console.log(
          `| ${kind} | ${name} | ${length} | ${seconds} s | ${Math.round(stepMilliseconds)} ms | ${Math.round(item)} ms | ${Math.round(forwardMilliseconds)} ms | ${(item / forwardMilliseconds).toFixed(1)} |`,
        );
      }
    });
  });
}

async function measureMemory() {
  await withServer('e2e/vite.config.ts', async () => {
    console.log('| trained | items | before | at most | more |');
    console.log('|---|---|---|---|---|');
    for (const kind of kinds) {
      // 30 words are about 64 positions, 300 are cut at 256.
      for (const [name, words] of [
        ['headlines', 30],
        ['abstracts', 300],
      ]) {
        await withPage(async (page, browserProcess) => {
          const before = rendererMemory(browserProcess);
          const trained = await page.evaluate(
            async ([kind, words]) => await globalThis.tuningBench.train(kind, 12, words),
            [kind, words],
          );
          const { peak } = rendererMemory(browserProcess);
          const figures = [before.now, peak, peak - before.now].map((value) => `${Math.round(value)} MiB`);
          console.log(`| ${kind} | 12 ${name}, ${trained} steps | ${figures.join(' | ')} |`);
        });
      }
    }
  });
}

if (only !== null && !(only in sections)) {
  console.error(`There is no section "${only}". Choose one of ${Object.keys(sections).join(', ')}.`);
  process.exit(2);
}
for (const [name, measure] of Object.entries(sections)) {
  if (only !== null && only !== name) continue;
  console.log(`\n### ${name}\n`);
  await measure();
}
