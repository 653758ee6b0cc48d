// Measures the cost of the soft-prompt hook against WebLLM without it, in the same run, on a software adapter.
//
//   node bench/webllm-hook.mjs        about a minute on two cores
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { browserFlags, findBrowser } from '../scripts/browser.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const port = 4397;
const page = `http://127.0.0.1:${port}/e2e/webllm/`;
const promptLength = 128;
const newTokens = 24;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const milliseconds = (value) => `${value < 10 ? value.toPrecision(2) : Math.round(value)} ms`;

const server = spawn(process.execPath, ['node_modules/vite/bin/vite.js', '--config', 'e2e/vite.config.ts'], {
  cwd: repository,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, PERSONA_PLUG_PAGES_PORT: String(port) },
});
const browser = await chromium.launch({ executablePath: findBrowser() ?? undefined, args: browserFlags('software') });
try {
  await untilItAnswers(page);
  const hook = await measureHook();
  const model = await measureModel();
  const plain = median(hook.tokens);
  const soft = median(hook.rows);
  const lines = [
    ['what', 'with the hook', 'WebLLM alone', 'ratio'],
    ['---', '---', '---', '---'],
    [`prompt of ${promptLength} positions`, milliseconds(soft), milliseconds(plain), (soft / plain).toFixed(2)],
    [
      'one token (our loop and sampler)',
      milliseconds(model.decode),
      milliseconds(hook.decode),
      (model.decode / hook.decode).toFixed(2),
    ],
    ['load (checked files)', milliseconds(model.load), milliseconds(hook.load), (model.load / hook.load).toFixed(2)],
    ['register and release 4 rows', milliseconds(hook.registration), '', ''],
  ];
  for (const line of lines) console.log(`| ${line.join(' | ')} |`);
} finally {
  await browser.close();
  server.kill();
}

async function measureHook() {
  const tab = await browser.newPage();
  await tab.goto(page);
  const result = await tab.evaluate(
    async ([length, count]) => (await globalThis.hookScenarios()).speed(length, count),
    [promptLength, newTokens],
  );
  await tab.close();
  return result;
}

async function measureModel() {
  const tab = await browser.newPage();
  await tab.goto(page);
  const started = tab.waitForEvent('worker');
  await tab.evaluate(() => globalThis.startModelWorker());
  const worker = await started;
  while ((await worker.evaluate(() => typeof globalThis.modelScenarios)) !== 'function') {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const result = await worker.evaluate(
    async ([length, count]) => (await globalThis.modelScenarios()).speed(length, count),
    [promptLength, newTokens],
  );
  await tab.close();
  return result;
}

async function untilItAnswers(address) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const isUp = await fetch(address).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${address} did not answer within a minute. Is port ${port} taken?`);
}
