// Measures a language model with quantized weights on wasm in a real Chromium, one thread, beside two peers in the same run: onnxruntime-web on
// the float32 graph that onnxruntime-genai exports, and wllama on the GGUF that the weights come from. Prints a Markdown table. Beside the
// time on the clock stands the renderer's processor time, which other work on the machine changes less.
//
//   node bench/decoder.mjs --models FOLDER --model NAME [--graph FOLDER] [--gguf FILE --wllama FOLDER] [--parity]
//
//   --models  holds the package NAME, and NAME-golden for --parity
//   --graph   model.onnx and model.onnx.data of python -m onnxruntime_genai.models.builder -i CHECKPOINT -o FOLDER -p fp32 -e cpu
//             --extra_options exclude_embeds=true
//   --wllama  node_modules/@wllama/wllama of npm i @wllama/wllama@3.13 in a folder of its own
import { spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { browserFlags, findBrowser } from '../scripts/browser.mjs';
import { rendererMemory, renderersOf } from './tuning/renderer-memory.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const pagesPort = 4395;
const peersPort = 4396;
const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'models' },
    model: { type: 'string', default: 'smollm2-135m-instruct' },
    graph: { type: 'string' },
    gguf: { type: 'string' },
    wllama: { type: 'string' },
    parity: { type: 'boolean', default: false },
  },
});
const promptLength = 128;
const tokens = 32;
const times = 3;

/** The fastest of several runs, the clock's and the processor's apart: what else the machine does only adds. */
const fastest = (figures) => ({
  clock: Math.min(...figures.map(({ clock }) => clock)),
  processor: Math.min(...figures.map(({ processor }) => processor)),
});

/** Runs in a browser of its own, so that its memory is that of one measurement. */
async function withPages(work) {
  const server = await chromium.launchServer({ executablePath: findBrowser() ?? undefined, args: browserFlags('off') });
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const context = await browser.newContext();
    const open = async (address) => {
      const page = await context.newPage();
      page.setDefaultTimeout(0);
      page.on('pageerror', (error) => process.stderr.write(`page: ${error.message}\n`));
      await page.goto(address);
      return page;
    };
    return await work(open, server.process().pid);
  } finally {
    await server.close();
  }
}

async function servePages() {
  const child = spawn(process.execPath, ['node_modules/vite/bin/vite.js', '--config', 'e2e/vite.config.ts'], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      PERSONA_PLUG_PAGES_PORT: String(pagesPort),
      PERSONA_PLUG_MODELS: path.resolve(options.models),
      PERSONA_PLUG_RESEARCH_MODELS: path.resolve(options.models),
    },
  });
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const isUp = await fetch(`http://127.0.0.1:${pagesPort}/models/index.json`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return child;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  child.kill();
  throw new Error('the server of the pages did not start');
}

/** Files of the peers by the first part of their address. */
const peerFolders = {
  runtime: path.join(repository, 'node_modules/onnxruntime-web/dist'),
  peers: path.join(repository, 'bench/decoder'),
  graph: options.graph,
  wllama: options.wllama,
};
const contentTypes = { '.mjs': 'text/javascript', '.js': 'text/javascript', '.wasm': 'application/wasm' };

function servePeers() {
  const server = createServer((request, response) => {
    void (async () => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/')
        return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Peers</title>');
      const [, first = '', ...rest] = pathname.split('/');
      const file = first === 'gguf' ? options.gguf : path.join(peerFolders[first] ?? '/nowhere', ...rest);
      const size = await stat(file).then(
        (found) => found.size,
        () => null,
      );
      if (size === null) return response.writeHead(404).end();
      const type = contentTypes[path.extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-length': size });
      return request.method === 'HEAD' ? response.end() : createReadStream(file).pipe(response);
    })();
  });
  return new Promise((resolve) => {
    server.listen(peersPort, '127.0.0.1', () => resolve(server));
  });
}

/** Milliseconds that the browser's renderers have computed so far; Linux counts in hundredths of a second. */
function processorTime(browserProcess) {
  const ticks = renderersOf(browserProcess).map((id) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return 10 * ticks.reduce((sum, count) => sum + count, 0);
}

/** Milliseconds of a call of the page's subject: on the clock, and of its processor. */
async function timed(page, browserProcess, call, argument) {
  const start = { clock: performance.now(), processor: processorTime(browserProcess) };
  await page.evaluate(async ([name, value]) => await globalThis.subject[name](value), [call, argument]);
  return {
    clock: performance.now() - start.clock,
    processor: processorTime(browserProcess) - start.processor,
  };
}

/** Prompts and answers in turn. `hasPromptInTokens`: the subject cannot go on from a prompt, so that the prompt's time is taken off. */
async function measureSubject(page, browserProcess, { hasPromptInTokens = false } = {}) {
  const prompts = [];
  const answers = [];
  for (let time = 0; time < times; time += 1) {
    prompts.push(await timed(page, browserProcess, 'prompt', promptLength));
    answers.push(await timed(page, browserProcess, 'tokens', tokens));
  }
  const prompt = fastest(prompts);
  const answer = fastest(answers);
  // The fastest of each, since a difference of two noisy figures may be anything.
  const token = {
    clock: (answer.clock - (hasPromptInTokens ? prompt.clock : 0)) / tokens,
    processor: (answer.processor - (hasPromptInTokens ? prompt.processor : 0)) / tokens,
  };
  return { prompt, token, memory: rendererMemory(browserProcess) };
}

async function measureOurs() {
  return await withPages(async (open, browserProcess) => {
    const openSubject = async () => {
      const page = await open(`http://127.0.0.1:${pagesPort}/bench/decoder/`);
      await page.waitForFunction(() => 'decoderBench' in globalThis);
      await page.evaluate(() => {
        globalThis.subject = globalThis.decoderBench;
      });
      return page;
    };
    const page = await openSubject();
    const load = await timed(page, browserProcess, 'load', options.model);
    const loadedMemory = rendererMemory(browserProcess);
    const figures = await measureSubject(page, browserProcess);
    const parity = options.parity
      ? await page.evaluate(async (name) => await globalThis.decoderBench.parity(name), options.model)
      : [];
    const second = await openSubject();
    await page.close();
    const warm = await timed(second, browserProcess, 'load', options.model);
    return { load, warm, ...figures, loadedMemory, parity };
  });
}

async function measurePeer(name, shape, settings) {
  return await withPages(async (open, browserProcess) => {
    const page = await open(`http://127.0.0.1:${peersPort}/`);
    await page.evaluate(
      async ([address, peer, modelShape]) => {
        globalThis.subject = (await import(address))[peer](modelShape);
      },
      ['/peers/peers.mjs', name, shape],
    );
    const load = await timed(page, browserProcess, 'load', null);
    return { load, ...(await measureSubject(page, browserProcess, settings)) };
  });
}

async function measureFloat32() {
  const manifest = JSON.parse(await readFile(path.join(options.models, options.model, 'manifest.json'), 'utf8'));
  return await measurePeer('float32Graph', manifest.languageModel, {});
}

const measureWllama = async () => await measurePeer('wllama', null, { hasPromptInTokens: true });

const pages = await servePages();
const peers = await servePeers();
const rows = [];
try {
  const measurements = [
    { name: 'persona-plug', measure: measureOurs },
    ...(options.graph === undefined ? [] : [{ name: 'onnxruntime-web, float32 graph', measure: measureFloat32 }]),
    ...(options.gguf === undefined || options.wllama === undefined
      ? []
      : [{ name: 'wllama, GGUF', measure: measureWllama }]),
  ];
  for (const { name, measure } of measurements) {
    process.stderr.write(`— ${name}, load average ${os.loadavg()[0]?.toFixed(1)}\n`);
    const figures = await measure();
    rows.push({ name, ...figures });
    for (const {
      name: golden,
      largestError,
      largestErrorInTolerances,
      tokens: given,
      expectedTokens,
    } of figures.parity ?? []) {
      const areEqual = given.join() === expectedTokens.join();
      process.stdout.write(
        `parity, ${golden}: largest error ${largestError.toExponential(1)}, ${(100 * largestErrorInTolerances).toFixed(1)} % of the tolerance, ${expectedTokens.length} tokens ${areEqual ? 'equal' : 'DIFFERENT'}\n`,
      );
    }
  }
} finally {
  pages.kill();
  peers.close();
}
const [ours] = rows;
const seconds = (value) =>
  value === undefined ? '' : `${(value.clock / 1000).toFixed(1)} (${(value.processor / 1000).toFixed(1)}) s`;
const milliseconds = (value) => `${Math.round(value.clock)} (${Math.round(value.processor)}) ms`;
const ratio = (theirs, own) =>
  `${(theirs.clock / own.clock).toFixed(2)} (${(theirs.processor / own.processor).toFixed(2)})`;
process.stdout.write(
  `${os.cpus().length} cores (${os.cpus()[0]?.model.trim()}), load average ${os.loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 10)}; clock (processor)\n\n`,
);
process.stdout.write(
  `| ${options.model}, wasm, one thread | load | warm | prompt of ${promptLength} | to ours | one token | to ours | memory | at most |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n`,
);
for (const { name, load, warm, prompt, token, memory } of rows) {
  process.stdout.write(
    `| ${name} | ${seconds(load)} | ${seconds(warm)} | ${seconds(prompt)} | ${ratio(prompt, ours.prompt)} | ${milliseconds(token)} | ${ratio(token, ours.token)} | ${Math.round(memory.now)} MiB | ${Math.round(memory.peak)} MiB |\n`,
  );
}
process.stdout.write(`\nRenderer after the load alone: ${Math.round(ours.loadedMemory.now)} MiB\n`);
