import { beforeEach, describe, expect, test } from 'vitest';
import type { Progress } from '../lib/progress.ts';
import { computeFingerprint } from './parse-manifest.ts';
import { sha256Hex } from './sha256.ts';
import { createUrlModelSource } from './url-model-source.ts';

const root = 'https://example.org/models/';
const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A server of files by URL, with a list of its requests. */
class FakeServer {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly requests: { url: string; cache: string | undefined }[] = [];
  isDown = false;

  readonly fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : input.toString();
    this.requests.push({ url, cache: init?.cache });
    if (this.isDown) return Promise.reject(new TypeError('Failed to fetch'));
    const body = this.files.get(url);
    return Promise.resolve(body === undefined ? new Response('no', { status: 404 }) : new Response(body));
  };

  asked(url: string): number {
    return this.requests.filter((request) => request.url === url).length;
  }
}

/** The part of CacheStorage that model files need, in memory. */
class FakeCaches {
  readonly entries = new Map<string, Uint8Array<ArrayBuffer>>();
  isFull = false;

  readonly storage = { open: () => Promise.resolve(this.#cache()) } as unknown as CacheStorage;

  #cache(): unknown {
    const { entries } = this;
    return {
      match: (url: string) => Promise.resolve(entries.has(url) ? new Response(entries.get(url)) : undefined),
      put: async (url: string, response: Response) => {
        if (this.isFull) throw new DOMException('full', 'QuotaExceededError');
        entries.set(url, new Uint8Array(await response.arrayBuffer()));
      },
      delete: (request: string | { url: string }) =>
        Promise.resolve(entries.delete(typeof request === 'string' ? request : request.url)),
      keys: () => Promise.resolve([...entries.keys()].map((url) => ({ url }))),
    };
  }
}

let server: FakeServer;
let caches: FakeCaches;
let base: string;
const weights = encode('these are the weights');

/** Puts a plug package on the server and gives its base URL. */
async function deploy(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const files = [
    { path: 'plug.safetensors', bytes: content.length, sha256: await sha256Hex(content), role: 'weights' as const },
  ];
  const fingerprint = await computeFingerprint({ kind: 'plug', files });
  const document = {
    schemaVersion: 1,
    kind: 'plug',
    name: 'plug',
    version: '1',
    licence: 'Apache-2.0',
    description: '',
    files,
    fingerprint,
    trainingData: [],
    results: {},
    plug: {
      embedder: fingerprint,
      languageModel: fingerprint,
      dim: 1,
      hiddenSize: 1,
      projectorWidth: 1,
      personaRows: 1,
      instructionRows: 1,
      tasks: [],
      gateThreshold: 0.5,
      weights: 'plug.safetensors',
    },
  };
  const manifest = encode(JSON.stringify(document));
  const revision = (await sha256Hex(manifest)).slice(0, 16);
  const path = `plug/resolve/${revision}/`;
  server.files.set(
    `${root}index.json`,
    encode(JSON.stringify({ schemaVersion: 1, packages: { plug: { revision, path } } })),
  );
  server.files.set(`${root}${path}manifest.json`, manifest);
  server.files.set(`${root}${path}plug.safetensors`, content);
  return `${root}${path}`;
}

const source = (storage: CacheStorage | null = caches.storage) =>
  createUrlModelSource(root, { fetch: server.fetch, caches: storage });

beforeEach(async () => {
  server = new FakeServer();
  caches = new FakeCaches();
  base = await deploy(weights);
});

describe('createUrlModelSource', () => {
  test('fetches each file once, and index.json each time, past the HTTP cache', async () => {
    for (let round = 0; round < 3; round++) {
      const opened = await source().open('plug', 'plug');
      expect(opened.baseUrl).toBe(base);
      expect(await opened.bytes('plug.safetensors')).toEqual(weights);
    }
    expect(server.asked(`${base}plug.safetensors`)).toBe(1);
    expect(server.asked(`${base}manifest.json`)).toBe(1);
    expect(server.requests.filter(({ url }) => url.endsWith('index.json')).map(({ cache }) => cache)).toEqual(
      Array.from({ length: 3 }, () => 'no-cache'),
    );
  });

  test.each([
    ['there is no Cache API', () => null],
    [
      'the Cache API is closed',
      () => ({ open: () => Promise.reject(new DOMException('no', 'SecurityError')) }) as unknown as CacheStorage,
    ],
    ['the disk is full', () => ((caches.isFull = true), caches.storage)],
  ])('works where %s', async (_, storage) => {
    const opened = await source(storage()).open('plug', 'plug');
    expect(await opened.bytes('plug.safetensors')).toEqual(weights);
    expect(caches.entries.size).toBe(0);
  });

  test('fetches a file again whose cached copy is damaged', async () => {
    const opened = await source().open('plug', 'plug');
    await opened.bytes('plug.safetensors');
    caches.entries.set(`${base}plug.safetensors`, encode('these are the Weights'));
    expect(await opened.bytes('plug.safetensors')).toEqual(weights);
    expect(server.requests.at(-1)).toEqual({ url: `${base}plug.safetensors`, cache: 'reload' });
    expect(caches.entries.get(`${base}plug.safetensors`)).toEqual(weights);
  });

  test('names the file and both hashes when the server has a damaged one, keeps nothing, asks twice', async () => {
    const damaged = encode('these are the wrong weights, and more of them');
    server.files.set(`${base}plug.safetensors`, damaged);
    const opened = await source().open('plug', 'plug');
    const error = await opened.bytes('plug.safetensors').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'model-integrity',
      details: { file: 'plug/plug.safetensors', expected: await sha256Hex(weights), found: await sha256Hex(damaged) },
    });
    expect(server.asked(`${base}plug.safetensors`)).toBe(2);
    expect(caches.entries.has(`${base}plug.safetensors`)).toBe(false);
  });

  test('refuses a manifest other than the one that index.json names', async () => {
    server.files.set(`${base}manifest.json`, encode('{}'));
    await expect(source().open('plug', 'plug')).rejects.toMatchObject({
      code: 'model-integrity',
      details: { file: 'plug/manifest.json' },
    });
  });

  test('refuses an index that leads out of the folder', async () => {
    const index = { schemaVersion: 1, packages: { plug: { revision: '0'.repeat(16), path: '../../elsewhere/' } } };
    server.files.set(`${root}index.json`, encode(JSON.stringify(index)));
    await expect(source().open('plug', 'plug')).rejects.toMatchObject({
      code: 'model-mismatch',
      message: expect.stringContaining('../../elsewhere/'),
    });
  });

  test('has an error for each: unknown package, another kind, unknown file, missing file, no server', async () => {
    await expect(source().open('pluck', 'plug')).rejects.toMatchObject({
      code: 'model-missing',
      message: expect.stringMatching(/"pluck".*: plug/u),
    });
    await expect(source().open('plug', 'embedder')).rejects.toMatchObject({ code: 'model-mismatch' });
    const opened = await source().open('plug', 'plug');
    await expect(opened.bytes('other')).rejects.toMatchObject({
      code: 'model-missing',
      message: expect.stringMatching(/"plug".*other.*plug\.safetensors/u),
    });
    server.files.delete(`${base}plug.safetensors`);
    await expect(opened.bytes('plug.safetensors')).rejects.toMatchObject({ code: 'model-missing' });
    server.isDown = true;
    await expect(opened.bytes('plug.safetensors')).rejects.toMatchObject({ code: 'network-failed' });
  });

  test('starts without a network from cached files', async () => {
    await (await source().open('plug', 'plug')).bytes('plug.safetensors');
    server.isDown = true;
    expect(await (await source().open('plug', 'plug')).bytes('plug.safetensors')).toEqual(weights);
  });

  test('drops the files of an older revision', async () => {
    await (await source().open('plug', 'plug')).bytes('plug.safetensors');
    const older = base;
    base = await deploy(encode('new weights'));
    await (await source().open('plug', 'plug')).bytes('plug.safetensors');
    expect([...caches.entries.keys()].filter((url) => url.startsWith(older))).toEqual([]);
    expect(caches.entries.has(`${base}plug.safetensors`)).toBe(true);
  });

  test('reports bytes while it downloads, and stops at an abort with its reason', async () => {
    const reports: Progress[] = [];
    const opened = await source().open('plug', 'plug');
    await opened.bytes('plug.safetensors', { onProgress: (progress) => reports.push(progress) });
    expect(reports.at(0)).toMatchObject({ stage: 'download', label: 'plug/plug.safetensors', done: 0, unit: 'bytes' });
    expect(reports.at(-1)).toMatchObject({ done: weights.length, total: weights.length, millisecondsLeft: 0 });

    const controller = new AbortController();
    const reason = new Error('enough');
    caches.entries.clear();
    const reading = opened.bytes('plug.safetensors', {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(reading).rejects.toBe(reason);
    expect(caches.entries.size).toBe(0);
  });
});
