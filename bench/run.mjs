// Measures the package in a real Chromium on this machine and prints a Markdown table. Times are printed with those of the bare runtime on
// the same input in the same run, since their ratio depends less on the machine.
//
//   npm run bench                     everything; several minutes on two cores
//   npm run bench -- --only wasm      one section: page, wasm, import, software-webgpu
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { browserFlags, findBrowser } from '../scripts/browser.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const sitePort = 4398;
const pagesPort = 4399;
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : null;
const rows = [];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const milliseconds = (value) => (value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
const say = (text) => process.stderr.write(`${text}\n`);

function report(what, figure, target = '', peer = '') {
  rows.push([what, figure, target, peer]);
  say(`${what}: ${figure} ${peer}`);
}

/** Starts a server and waits until it answers. */
async function serve(command, arguments_, address, environment = {}) {
  const child = spawn(command, arguments_, {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const isUp = await fetch(address).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return child;
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} before it served ${address}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  child.kill();
  throw new Error(`${address} did not answer within two minutes`);
}

async function withBrowser(webgpu, work) {
  const profile = mkdtempSync(path.join(os.tmpdir(), 'persona-plug-bench-'));
  const context = await chromium.launchPersistentContext(profile, {
    headless: true,
    executablePath: findBrowser() ?? undefined,
    args: browserFlags(webgpu),
  });
  try {
    return await work(context, profile);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Resident MiB of the largest renderer of this profile, workers included. */
function rendererMemory(profile) {
  const { stdout } = spawnSync('ps', ['-eo', 'rss,args'], { encoding: 'utf8' });
  const renderers = stdout.split('\n').filter((line) => line.includes('--type=renderer') && line.includes(profile));
  // In some versions renderers have no profile path. Then the largest of all is taken, since only this browser runs.
  const lines =
    renderers.length > 0 ? renderers : stdout.split('\n').filter((line) => line.includes('--type=renderer'));
  return Math.max(0, ...lines.map((line) => Number.parseInt(line, 10) / 1024));
}

async function openBench(context) {
  const page = await context.newPage();
  page.on('pageerror', (error) => say(`page: ${error.message}`));
  await page.goto(`http://127.0.0.1:${pagesPort}/bench/`);
  await page.waitForFunction(() => 'bench' in globalThis, null, { timeout: 120_000 });
  return page;
}

async function measurePage() {
  const address = `http://127.0.0.1:${sitePort}/`;
  const server = await serve(process.execPath, ['scripts/serve-site.mjs', '--port', String(sitePort)], address);
  try {
    await withBrowser('off', async (context, profile) => {
      const times = [];
      let own = 0;
      for (let visit = 0; visit < 4; visit += 1) {
        const page = await context.newPage();
        const start = performance.now();
        await page.goto(`${address}?embedder=wasm&llm=wasm`);
        const ready = await page.evaluate(async () => await globalThis.personaPlugDemo.ready);
        if (!ready.ok) throw new Error(`${ready.code}: ${ready.message}`);
        times.push(performance.now() - start);
        if (visit === 3) own = rendererMemory(profile);
        await page.close();
      }
      report('page to ready, wasm, first visit', milliseconds(times[0]));
      report('page to ready, wasm, warm (median of 3)', milliseconds(median(times.slice(1))), '≤ 5 s');
      report('renderer memory with everything loaded, wasm', `${Math.round(own)} MiB`, '≤ 800 MiB');
    });
  } finally {
    server.kill();
  }
}

async function measureWasm() {
  await withBrowser('off', async (context) => {
    const page = await openBench(context);
    await page.evaluate(async () => await globalThis.bench.load({ embedder: 'wasm', languageModel: 'wasm' }));
    const remember = await page.evaluate(async () => await globalThis.bench.remember(12, 'wasm'));
    const ratio = median(remember.ours) / median(remember.peers);
    report(
      '`remember` of a headline item (two texts), wasm, median of 12',
      milliseconds(median(remember.ours)),
      '≤ 200 ms',
      `bare ORT on the same ids ${milliseconds(median(remember.peers))}: ratio ${ratio.toFixed(2)}`,
    );
    const first = await page.evaluate(async () => await globalThis.bench.firstToken(8, 'wasm'));
    const firstRatio = median(first.ours) / median(first.peers);
    report(
      'first token with persona (embedding, persona, prefill), nano LLM, wasm, median of 8',
      milliseconds(median(first.ours)),
      '≤ 500 ms',
      `bare ORT prefill of ${first.tokens} tokens ${milliseconds(median(first.peers))}: ratio ${firstRatio.toFixed(2)}`,
    );
    report('decoding, nano LLM, wasm', `${first.perSecond.toFixed(0)} tokens/s`);
  });
}

async function measureImport() {
  await withBrowser('off', async (context) => {
    const page = await openBench(context);
    await page.evaluate(async () => await globalThis.bench.load({ embedder: 'wasm', languageModel: 'wasm' }));
    page.setDefaultTimeout(0);
    const result = await page.evaluate(async () => await globalThis.bench.importMany(1000));
    report('import of 1,000 items, wasm', milliseconds(result.milliseconds), '', `${result.reports} progress reports`);
    report('longest stall of the page during that import', milliseconds(result.longestStall), 'no frozen page');
    report('items left after an aborted import', String(result.leftAfterAbort), '0');
  });
}

async function measureSoftwareWebgpu() {
  await withBrowser('software', async (context, profile) => {
    const page = await openBench(context);
    page.setDefaultTimeout(0);
    const loaded = await page.evaluate(
      async () => await globalThis.bench.load({ embedder: 'webgpu', languageModel: 'webgpu' }),
    );
    const adapter = loaded.status.languageModel.device.adapter ?? 'unknown adapter';
    report(`models loaded, WebGPU on ${adapter} (software)`, milliseconds(loaded.milliseconds));
    const remember = await page.evaluate(async () => await globalThis.bench.remember(2, 'webgpu'));
    report(
      '`remember`, WebGPU software',
      milliseconds(median(remember.ours)),
      '',
      `bare ORT ${milliseconds(median(remember.peers))}: ratio ${(median(remember.ours) / median(remember.peers)).toFixed(2)}`,
    );
    const first = await page.evaluate(async () => await globalThis.bench.firstToken(2, 'webgpu'));
    report('first token with persona, WebLLM, WebGPU software', milliseconds(median(first.ours)));
    report('decoding, WebLLM, WebGPU software', `${first.perSecond.toFixed(1)} tokens/s`);
    const imported = await page.evaluate(async () => await globalThis.bench.importMany(12));
    report('import of 12 items, WebGPU software', milliseconds(imported.milliseconds));
    report('longest stall of the page during that import', milliseconds(imported.longestStall), 'no frozen page');
    report('renderer memory, WebGPU software', `${Math.round(rendererMemory(profile))} MiB`);
  });
}

const sections = {
  page: measurePage,
  wasm: measureWasm,
  import: measureImport,
  'software-webgpu': measureSoftwareWebgpu,
};
if (only !== null && !(only in sections)) {
  say(`There is no section "${only}". Choose one of ${Object.keys(sections).join(', ')}.`);
  process.exit(2);
}
const pages = await serve(
  process.execPath,
  ['node_modules/vite/bin/vite.js', '--config', 'e2e/vite.config.ts'],
  `http://127.0.0.1:${pagesPort}/models/index.json`,
  {
    PERSONA_PLUG_PAGES_PORT: String(pagesPort),
  },
);
try {
  for (const [name, measure] of Object.entries(sections)) {
    if (only !== null && only !== name) continue;
    say(`— ${name}`);
    await measure();
  }
} finally {
  pages.kill();
}
const processor = os.cpus()[0]?.model ?? 'unknown processor';
const table = [['what', 'figure', 'target', 'peer in the same run'], ['---', '---', '---', '---'], ...rows];
process.stdout.write(
  `${os.cpus().length} cores (${processor.trim()}), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n\n`,
);
process.stdout.write(`${table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`);
