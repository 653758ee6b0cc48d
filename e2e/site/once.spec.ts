// `npm start -- --once`: the same page from a script, and what it says when it cannot.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import * as v from 'valibot';
import { onceSchema } from '../../scripts/once-document.mjs';
import { goldenCases, toJsonl } from './demo-browser.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const wasm = ['--embedder-device', 'wasm', '--llm-device', 'wasm'];

let folder = '';
test.beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'persona-plug-once-test-'));
});
test.afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly environment?: Record<string, string>;
  /** Sends Ctrl-C as soon as stderr says this. */
  readonly interruptAt?: RegExp;
}

async function once(history: string, parameters: readonly string[], options: RunOptions = {}): Promise<Run> {
  const file = path.join(folder, 'history.jsonl');
  await writeFile(file, history);
  const child = spawn(process.execPath, ['scripts/start.mjs', '--once', file, ...parameters], {
    cwd: repository,
    // Its profiles land in a folder of their own, so that what is left over can be seen.
    env: { ...process.env, TMPDIR: folder, ...options.environment },
  });
  let stdout = '';
  let stderr = '';
  let interrupts = 0;
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
    if (interrupts === 2 || options.interruptAt?.test(stderr) !== true) return;
    // Twice, as under npm, which passes on what the terminal has sent to all.
    for (; interrupts < 2; interrupts++) child.kill('SIGINT');
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

async function leftovers(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('persona-plug-profile'));
}

test('--json is one document of the documented schema, with the golden answers', async () => {
  const golden = (await goldenCases()).find(
    ({ history, answers }) => history.length <= 3 && answers.none !== answers.persona,
  );
  if (golden === undefined) throw new Error('research-models/golden has no case of 3 items whose answers differ.');
  const { code, stdout, stderr } = await once(toJsonl(golden.history), [
    '--task',
    golden.task,
    '--input',
    golden.input,
    '--at',
    golden.at,
    '--json',
    ...wasm,
  ]);
  expect(stderr).toContain('Checking the models');
  const document = v.parse(onceSchema, JSON.parse(stdout));
  expect(code).toBe(0);
  expect([document.answers.none.text, document.answers.persona.text]).toEqual([
    golden.answers.none,
    golden.answers.persona,
  ]);
  expect(document.heaviestItems).toHaveLength(golden.history.length);
  expect(document.requests.otherOrigins).toBe(0);
  expect(document.requests.ownOrigin).toBeGreaterThan(10);
  expect(document.devices).toMatchObject({
    embedder: { kind: 'wasm' },
    languageModel: { kind: 'wasm', runtime: 'onnx' },
  });
  expect(await leftovers()).toEqual([]);
});

test('an unreadable history: its line and the reason', async () => {
  const history = '{"task":"news_headline","input":"a","output":"b"}\n{"task":"news_headline","input":5}\n';
  const { code, stdout, stderr } = await once(history, ['--task', 'news_headline', '--input', 'x', ...wasm]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/line 2/i);
  expect(stderr).toContain('invalid-import');
});

test('a browser without WebGPU, when WebGPU is forced: a sentence', async () => {
  const history = '{"task":"news_headline","input":"a","output":"b"}\n';
  const parameters = ['--task', 'news_headline', '--input', 'x', '--llm-device', 'webgpu'];
  const { code, stdout, stderr } = await once(history, parameters, { environment: { PERSONA_PLUG_WEBGPU: 'off' } });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('no WebGPU adapter');
});

test('Ctrl-C stops everything and leaves no profile behind', async () => {
  const history = '{"task":"news_headline","input":"a","output":"b"}\n';
  const { code, stdout } = await once(history, ['--task', 'news_headline', '--input', 'x', ...wasm], {
    interruptAt: /Loading the models …/,
  });
  expect([code, stdout]).toEqual([130, '']);
  expect(await leftovers()).toEqual([]);
});
