// The package as npm publishes it: which files it holds, and whether an application that installs it builds and runs.
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import webpack from 'webpack';
import packageJson from '../package.json' with { type: 'json' };
import { findModelPackages, publishModelPackages } from './model-packages.mjs';
import { packPackage, type PackedPackage } from './packed-package.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
let scratch: string;
let packed: PackedPackage;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'persona-plug-tarball-'));
  await mkdir(path.join(scratch, 'tarball'));
  // A chunk of an earlier build, which must not be packed.
  await mkdir(path.join(repository, 'dist/lib'), { recursive: true });
  await writeFile(path.join(repository, 'dist/lib/stale.js'), '');
  packed = await packPackage(repository, path.join(scratch, 'tarball'));
});

afterAll(async () => await rm(scratch, { recursive: true, force: true }));

describe('the tarball', () => {
  test('holds every file that an entry of package.json names', () => {
    const entries = Object.values(packageJson.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    );
    const named = [...entries, ...Object.values(packageJson.bin)].map((file) => file.replace('./', ''));
    expect(packed.files).toEqual(expect.arrayContaining(named));
  });

  test('holds code, types, documents and licences, and nothing else', () => {
    const expected =
      /^dist\/[\w@./-]+\.js(\.map)?$|^dist\/types\/[\w/-]+\.d\.ts$|^[\w/-]+\.md$|^scripts\/[\w-]+\.mjs$|^(package\.json|LICENSE|NOTICE)$/;
    expect(packed.files.filter((file) => !expected.test(file))).toEqual([]);
    expect(packed.files).toEqual(
      expect.arrayContaining(['LICENSE', 'NOTICE', 'THIRD_PARTY_NOTICES.md', 'README.md', 'package.json']),
    );
    expect(packed.files).not.toContain('dist/lib/stale.js');
  });

  test('is at most 1 MB', () => {
    expect(packed.bytes).toBeLessThan(1_000_000);
  });

  test('holds what the README links to', () => {
    const readme = readFileSync(path.join(repository, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:|#)(?<file>[^)#]+)/g)].map(
      (match) => match.groups?.['file'] ?? '',
    );
    expect(links.length).toBeGreaterThan(5);
    expect(packed.files).toEqual(expect.arrayContaining(links));
  });

  test('makes an application install no runtime and no library of the demo', () => {
    expect(Object.keys(packageJson.dependencies)).toEqual(['@huggingface/tokenizers', 'idb', 'valibot']);
    expect(Object.keys(packageJson.peerDependenciesMeta)).toEqual(Object.keys(packageJson.peerDependencies));
  });
});

const application = {
  'package.json': '{ "private": true, "type": "module" }',
  'index.html': '<!doctype html><script type="module" src="./main.js"></script>',
  'main.js': `
    import { createPersonalizer } from 'persona-plug';
    const worker = new Worker(new URL('./persona.worker.js', import.meta.url), { type: 'module' });
    new Worker(new URL('./training.worker.js', import.meta.url), { type: 'module' });
    const me = await createPersonalizer({ worker, models: '/models/' });
    document.body.textContent = JSON.stringify(await me.status());`,
  'persona.worker.js': `
    import { servePersonaWorker } from 'persona-plug/worker';
    servePersonaWorker();`,
  'training.worker.js': `
    import { serveTrainingWorker } from 'persona-plug/tuning';
    serveTrainingWorker();`,
  // persona-plug/webllm is not here: who uses it has WebLLM.
  'types.ts': [
    'persona-plug',
    'persona-plug/worker',
    'persona-plug/tuning',
    'persona-plug/testing',
    'persona-plug/evaluation',
  ]
    .map((entry, index) => `export * as entry${index} from '${entry}';`)
    .join('\n'),
  // Page and worker in one process of Node, connected by a message channel.
  'in-node.js': `
    import { createPersonalizer } from 'persona-plug';
    import { servePersonaWorker } from 'persona-plug/worker';
    const { port1, port2 } = new MessageChannel();
    globalThis.postMessage = port2.postMessage.bind(port2);
    globalThis.addEventListener = port2.addEventListener.bind(port2);
    servePersonaWorker();
    port2.start();
    createPersonalizer({ worker: port1, models: process.argv[2] }).catch(({ code, message, details }) => {
      console.log(JSON.stringify({ code, message, details }));
      process.exit();
    });`,
};

describe('an application', () => {
  let folder: string;

  beforeAll(async () => {
    folder = path.join(scratch, 'application');
    await mkdir(folder);
    for (const [name, text] of Object.entries(application)) await writeFile(path.join(folder, name), text);
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', packed.tarball], { cwd: folder });
  });

  test('gets no runtime that it did not ask for', () => {
    for (const peer of Object.keys(packageJson.peerDependencies)) {
      expect(existsSync(path.join(folder, 'node_modules', peer))).toBe(false);
    }
  });

  test('builds with Vite and webpack without any runtime', async () => {
    await buildWithVite(folder);
    await buildWithWebpack(folder);
  });

  test('compiles against the types without any runtime', async () => {
    const { stdout } = await run(
      path.join(repository, 'node_modules/.bin/tsc'),
      [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--lib',
        'es2023,dom,esnext.disposable',
        'types.ts',
      ],
      { cwd: folder },
    );
    expect(stdout).toBe('');
  });

  test('that lacks ONNX Runtime gets the line that installs it, also through the worker', async () => {
    const output = path.join(folder, 'in-node');
    await viteBuild({
      root: folder,
      configFile: false,
      logLevel: 'warn',
      build: { outDir: output, lib: { entry: path.join(folder, 'in-node.js'), formats: ['es'], fileName: 'main' } },
    });
    await publishModelPackages(await findModelPackages(), path.join(folder, 'models'));
    await using server = await serveFolder(folder);
    const { stdout } = await run(process.execPath, [
      '--import',
      import.meta.resolve('fake-indexeddb/auto'),
      path.join(output, 'main.js'),
      `${server.address}models/`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('npm install onnxruntime-web@'),
      details: { package: 'onnxruntime-web' },
    });
  });

  test('builds with ONNX Runtime in the output where it is installed', async () => {
    const runtime = path.join(folder, 'node_modules/onnxruntime-web');
    await symlink(path.join(repository, 'node_modules/onnxruntime-web'), runtime, 'junction');
    for (const files of [await buildWithVite(folder), await buildWithWebpack(folder)]) {
      expect(files.filter((file) => file.endsWith('.wasm'))).toHaveLength(2);
    }
  });
});

/** Builds the page and its worker. Returns the paths of the output. */
async function buildWithVite(folder: string): Promise<string[]> {
  const outDir = path.join(folder, 'vite');
  await viteBuild({
    root: folder,
    configFile: false,
    logLevel: 'warn',
    worker: { format: 'es' },
    build: { outDir, target: 'es2022' },
  });
  return await readdir(outDir, { recursive: true });
}

async function buildWithWebpack(folder: string): Promise<string[]> {
  const outDir = path.join(folder, 'webpack');
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    webpack({ mode: 'development', context: folder, entry: './main.js', output: { path: outDir } }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
  expect(stats?.toJson({ errors: true }).errors?.map(({ message }) => message)).toEqual([]);
  return await readdir(outDir, { recursive: true });
}

async function serveFolder(folder: string): Promise<{ address: string } & AsyncDisposable> {
  const server: Server = createServer((request, response) => {
    readFile(path.join(folder, new URL(request.url ?? '/', 'http://localhost').pathname)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => await new Promise((resolve) => server.close(() => resolve())),
  };
}
