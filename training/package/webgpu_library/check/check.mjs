// Loads a model folder in headless Chromium through unmodified @mlc-ai/web-llm and compares with the numpy reference.
//   node training/package/webgpu_library/check/check.mjs <model folder> <library.wasm> <folder with golden files> [options]
//   --only TEXT   only the cases whose name holds the text
//   --sampling    also the sampler and the edits of logits (random checkpoint only)
//   --speed       tokens a second instead of the comparison
//   --memory N    bytes of GPU buffers with a context window of N instead of the comparison
// Exits 1 when a greedy token differs or a logit is off by more than 1e-3 + 1e-4 |logit|.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    sampling: { type: 'boolean' },
    speed: { type: 'boolean' },
    memory: { type: 'string' },
  },
});
const [model, library, checkpoint] = positionals;
if (!checkpoint) {
  console.error('usage: node check.mjs <model folder> <library.wasm> <golden folder> [--only TEXT] [--sampling] [--speed] [--memory N]');
  process.exit(2);
}

const here = path.dirname(fileURLToPath(import.meta.url));
const webllm = path.resolve(here, '../../../../node_modules/@mlc-ai/web-llm/lib/index.js');
const files = {
  '/page.mjs': path.join(here, 'check-page.mjs'),
  '/web-llm.js': webllm,
  '/library.wasm': library,
  '/golden.json': path.join(checkpoint, 'golden.json'),
  '/golden.f32': path.join(checkpoint, 'golden.f32'),
};
const needed = flags.speed || flags.memory ? [model, library] : [model, ...Object.values(files)];
files['/golden-rows.f32'] = path.join(checkpoint, 'golden-rows.f32'); // only with soft rows
for (const file of needed) {
  if (existsSync(file)) continue;
  console.error(`${file} does not exist. Run convert_weights, build_library and make_check_model first (README.md).`);
  process.exit(2);
}

const html =
  '<!doctype html><script type="importmap">{"imports":{"@mlc-ai/web-llm":"/web-llm.js"}}</script><script type="module" src="/page.mjs"></script>';
const types = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};
const server = createServer((request, response) => {
  const name = new URL(request.url, 'http://localhost').pathname;
  if (name === '/') return response.setHeader('content-type', 'text/html').end(html);
  const prefix = '/model/resolve/main/'; // WebLLM appends resolve/main/ to a model's address
  const file = files[name] ?? (name.startsWith(prefix) ? path.join(model, path.basename(name)) : undefined);
  if (!file || !existsSync(file)) return response.writeHead(404).end();
  const type = types[path.extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'content-length': statSync(file).size });
  createReadStream(file).pipe(response);
}).listen(0, '127.0.0.1');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
  ],
});
let isPassed = true;

function report(results) {
  for (const { name, isEqual, actual, tokens, largest, relative } of results) {
    const isGood = isEqual && !(relative > 1);
    isPassed &&= isGood;
    const deviation =
      largest === undefined
        ? ''
        : `, max |logit difference| ${largest.toExponential(1)}, ${Math.round(100 * relative)} % of the tolerance`;
    console.log(`${isGood ? 'pass' : 'FAIL'}  ${name}: ${tokens.length} tokens${deviation}`);
    if (!isEqual) console.log(`      expected ${tokens}\n      actual   ${actual}`);
  }
}

try {
  const page = await browser.newPage();
  page.on('console', (message) => {
    if (/error|warn/.test(message.type()) && !/favicon|404/.test(message.text()))
      console.log(`[${message.type()}] ${message.text()}`);
  });
  page.on('pageerror', (error) => console.log('[page]', error.message));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => 'api' in globalThis);
  if (flags.speed) {
    console.log(JSON.stringify(await page.evaluate(() => globalThis.api.speed(59, 12, 3))));
  } else if (flags.memory) {
    console.log(
      JSON.stringify(await page.evaluate((context) => globalThis.api.memory(context), Number(flags.memory))),
    );
  } else {
    const { loadMilliseconds, cases, chat } = await page.evaluate((only) => globalThis.api.check(only), flags.only);
    console.log(`loaded in ${(loadMilliseconds / 1e3).toFixed(1)} s`);
    report([...cases, ...chat]);
  }
  if (flags.sampling) {
    report(await page.evaluate(() => globalThis.api.logitEdits()));
    const { draws, kept, outside, chiSquare } = await page.evaluate(() => globalThis.api.sample(300, 0.6));
    const limit = kept - 1 + 4 * Math.sqrt(2 * (kept - 1)) + 10; // 4 standard deviations of the chi-square distribution, and slack
    isPassed &&= outside === 0 && chiSquare < limit;
    console.log(
      `top_p: ${draws} draws from a nucleus of ${kept}: ${outside} outside, chi-square ${chiSquare.toFixed(1)} (limit ${limit.toFixed(1)})`,
    );
  }
} finally {
  await browser.close();
  server.close();
}
process.exit(isPassed ? 0 : 1);
