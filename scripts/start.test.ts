// The messages and exit codes of `npm start` when something is wrong.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'persona-plug-start-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function start(parameters: readonly string[], options: { root?: string; environment?: NodeJS.ProcessEnv } = {}) {
  const root = options.root ?? repository;
  const child = spawn(process.execPath, [path.join(root, 'scripts/start.mjs'), ...parameters], {
    cwd: root,
    env: { ...process.env, ...options.environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writePackages(damage: 'none' | 'changed' | 'missing'): Promise<{ expected: string; found: string }> {
  for (const name of ['all-minilm-l6-v2', 'nano-llm', 'plug']) {
    await mkdir(path.join(folder, name));
    const manifest = { files: [{ path: 'weights.bin', bytes: 5, sha256: hash(`${name}!`) }] };
    await writeFile(path.join(folder, name, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(path.join(folder, name, 'weights.bin'), `${name}!`);
  }
  const file = path.join(folder, 'nano-llm/weights.bin');
  if (damage === 'changed') await writeFile(file, 'other');
  if (damage === 'missing') await rm(file);
  return { expected: hash('nano-llm!'), found: hash('other') };
}

async function historyFile(): Promise<string> {
  const location = path.join(folder, 'history.jsonl');
  await writeFile(location, '{"task":"news_headline","input":"a","output":"b"}\n');
  return location;
}

describe('npm start', () => {
  it('names the damaged model file, and both hashes', async () => {
    const { expected, found } = await writePackages('changed');
    const once = ['--once', await historyFile(), '--task', 'news_headline', '--input', 'x'];
    const result = await start(once, { environment: { PERSONA_PLUG_MODELS: folder } });
    expect(result.code).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(/nano-llm\/weights\.bin is damaged/);
    expect(result.stderr).toContain(expected);
    expect(result.stderr).toContain(found);
  });

  it('names the missing model file', async () => {
    await writePackages('missing');
    const once = ['--once', await historyFile(), '--task', 'news_headline', '--input', 'x'];
    const result = await start(once, { environment: { PERSONA_PLUG_MODELS: folder } });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/nano-llm\/weights\.bin is missing/);
  });

  it('says that the port is taken', async () => {
    const server = createServer();
    // The port may already be in use by somebody who serves the page while testing.
    await new Promise<void>((resolve) => server.once('error', () => resolve()).listen(5180, '127.0.0.1', resolve));
    const result = await start([]);
    await new Promise((resolve) => server.close(resolve));
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/Port 5180 of 127\.0\.0\.1 is taken/);
  });

  it('says that the registry cannot be reached', async () => {
    await cp(path.join(repository, 'scripts'), path.join(folder, 'copy/scripts'), { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) {
      await cp(path.join(repository, file), path.join(folder, 'copy', file));
    }
    const once = ['--once', await historyFile(), '--task', 'news_headline', '--input', 'x'];
    const result = await start(once, {
      root: path.join(folder, 'copy'),
      environment: {
        // Nothing listens on the discard port.
        npm_config_registry: 'http://127.0.0.1:9/',
        npm_config_cache: path.join(folder, 'cache'),
        npm_config_fetch_retry_mintimeout: '10',
        npm_config_fetch_retry_maxtimeout: '20',
      },
    });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/registry .*ECONNREFUSED/);
  });
});

describe('npm start -- --once', () => {
  it('refuses a history that is not there', async () => {
    const missing = path.join(folder, 'nothing.jsonl');
    const result = await start(['--once', missing, '--task', 'news_headline', '--input', 'x']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(missing);
  });

  it.each([
    [['--once', 'x.jsonl'], /--once needs --task/],
    [['--once', 'x.jsonl', '--task', 'a', '--input', 'b', '--llm-device', 'quantum'], /--llm-device is quantum/],
    [['--once', 'x.jsonl', '--task', 'a', '--input', 'b', '--at', 'soon'], /--at is soon/],
    [['--twice'], /Unknown option '--twice'/],
  ])('refuses %j', async (parameters, sentence) => {
    const result = await start(parameters);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(sentence);
  });
});
