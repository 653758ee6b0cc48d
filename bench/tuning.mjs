// Measures tuning in a real Chromium on this machine and prints a Markdown table: node bench/tuning.mjs [--steps 5]
// A step stands beside the loss of the same example without gradients, in the same run: that ratio holds elsewhere too.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { browserFlags, findBrowser } from '../scripts/browser.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const port = 4397;
const place = process.argv.indexOf('--steps');
const steps = place < 0 ? 5 : Number(process.argv[place + 1]);

const server = spawn(path.join(repository, 'node_modules/.bin/vite'), ['--config', 'e2e/vite.config.ts'], {
  cwd: repository,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, PERSONA_PLUG_PAGES_PORT: String(port) },
});
try {
  const address = `http://127.0.0.1:${port}/bench/tuning/`;
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const isUp = await fetch(address).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const browser = await chromium.launch({ executablePath: findBrowser() ?? undefined, args: browserFlags('off') });
  try {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction(() => 'measureTuning' in globalThis);
    const { figures, loadMilliseconds, longestGap } = await page.evaluate(
      async (count) => await globalThis.measureTuning(count),
      steps,
    );
    console.log(
      `Weights and jax-js loaded in ${Math.round(loadMilliseconds)} ms; the page's longest gap: ${Math.round(longestGap)} ms.\n`,
    );
    console.log('| trained | positions | first step | step | loss alone | ratio | 100 items, 4 passes |');
    console.log('|---|---|---|---|---|---|---|');
    for (const { kind, length, firstMilliseconds, stepMilliseconds, forwardMilliseconds } of figures) {
      const ratio = (stepMilliseconds / forwardMilliseconds).toFixed(1);
      const minutes = ((stepMilliseconds * 400) / 60_000).toFixed(1);
      console.log(
        `| ${kind} | ${length} | ${(firstMilliseconds / 1000).toFixed(1)} s | ${Math.round(stepMilliseconds)} ms | ${Math.round(forwardMilliseconds)} ms | ${ratio} | ${minutes} min |`,
      );
    }
  } finally {
    await browser.close();
  }
} finally {
  server.kill();
}
