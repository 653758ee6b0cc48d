// Model packages at a URL: index.json names the current revision of each, and the files of a revision never change.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { download } from './download.ts';
import type { ManifestFile } from './manifest.ts';
import { openModelCache, type ModelCache } from './model-cache.ts';
import type { ModelSource, ReadOptions } from './model-source.ts';
import { checkFile, openModelPackage } from './open-model-package.ts';
import { sha256Hex } from './sha256.ts';

export interface UrlModelSourceOptions {
  /** @defaultValue the global one */
  readonly fetch?: typeof globalThis.fetch;
  /** Name in the Cache API. @defaultValue 'persona-plug-models' */
  readonly cacheName?: string;
  /** @defaultValue `globalThis.caches`; `null` where there is none */
  readonly caches?: CacheStorage | null;
}

const indexSchema = v.object({
  schemaVersion: v.literal(1),
  packages: v.record(
    v.string(),
    v.object({
      revision: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, 'is no revision of 16 hex digits')),
      path: v.string(),
    }),
  ),
});

interface Revision {
  readonly revision: string;
  /** Absolute, ends in `/`. */
  readonly baseUrl: string;
}

/**
 * A source over `<modelsUrl>index.json`. Files are kept in the Cache API and checked by SHA-256 on every read; a damaged
 * one is fetched again, once.
 *
 * @param modelsUrl - Folder of the packages: an absolute URL, or one relative to the page or worker.
 *
 * @example
 * ```ts
 * const models = createUrlModelSource('/models/');
 * const llm = await models.open('nano-llm', 'language-model', { onProgress });
 * ```
 */
export function createUrlModelSource(
  modelsUrl: string,
  {
    fetch = globalThis.fetch.bind(globalThis),
    cacheName = 'persona-plug-models',
    caches = defaultCaches(),
  }: UrlModelSourceOptions = {},
): ModelSource {
  const root = absoluteFolder(modelsUrl);
  let openedCache: Promise<ModelCache> | undefined;
  const openCache = (): Promise<ModelCache> => (openedCache ??= openModelCache(cacheName, caches));

  /** Verified bytes from the cache or the network. A damaged copy is deleted and fetched once more, past all caches. */
  async function readVerified(
    url: string,
    label: string,
    check: (bytes: Uint8Array<ArrayBuffer>) => Promise<PersonaPlugError | null>,
    options: ReadOptions & { expectedBytes: number | null },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const cache = await openCache();
    const kept = await cache.get(url);
    const first = kept ?? (await download(url, { ...options, fetch, label, cache: 'default' }));
    options.signal?.throwIfAborted();
    if ((await check(first)) === null) {
      if (kept === null) await cache.put(url, first);
      return first;
    }
    await cache.delete(url);
    const second = await download(url, { ...options, fetch, label, cache: 'reload' });
    const damage = await check(second);
    if (damage !== null) throw damage;
    await cache.put(url, second);
    return second;
  }

  async function findRevision(name: string, options: ReadOptions): Promise<Revision> {
    const index = await readIndex(options);
    const entry = index.packages[name];
    if (entry === undefined) {
      throw new PersonaPlugError(
        'model-missing',
        `There is no model package "${name}" at ${root}. There are: ${Object.keys(index.packages).join(', ') || 'none'}.`,
        { details: { package: name } },
      );
    }
    const baseUrl = absoluteFolder(new URL(entry.path, root).href);
    if (!baseUrl.startsWith(root)) throw badIndex(`path of ${name} leaves the models folder: ${entry.path}`);
    return { revision: entry.revision, baseUrl };
  }

  async function readIndex(options: ReadOptions): Promise<v.InferOutput<typeof indexSchema>> {
    const url = new URL('index.json', root).href;
    const cache = await openCache();
    let content: Uint8Array<ArrayBuffer>;
    try {
      content = await download(url, { ...options, fetch, label: 'index.json', cache: 'no-cache', expectedBytes: null });
    } catch (error) {
      // Without a network, the cached index still leads to cached files.
      const kept = PersonaPlugError.isInstance(error) && error.code === 'network-failed' ? await cache.get(url) : null;
      if (kept === null) throw error;
      return parseIndex(kept);
    }
    const index = parseIndex(content);
    await cache.put(url, content);
    return index;
  }

  return {
    async open(name, kind, options = {}) {
      const { revision, baseUrl } = await findRevision(name, options);
      const manifestBytes = await readVerified(
        `${baseUrl}manifest.json`,
        `${name}/manifest.json`,
        (bytes) => checkManifest(bytes, revision, name),
        { ...options, expectedBytes: null },
      );
      const cache = await openCache();
      await cache.deleteOthers(`${root}${name}/resolve/`, baseUrl);
      return openModelPackage({
        name,
        kind,
        baseUrl,
        manifestBytes,
        read: (file: ManifestFile, readOptions) =>
          readVerified(
            new URL(file.path, baseUrl).href,
            `${name}/${file.path}`,
            (bytes) => checkFile(file, bytes, `${name}/${file.path}`),
            { ...readOptions, expectedBytes: file.bytes },
          ),
      });
    },
  };
}

/** A revision is the beginning of the manifest's SHA-256. The manifest names the SHA-256 of every file, so index.json determines all files. */
async function checkManifest(
  bytes: Uint8Array<ArrayBuffer>,
  revision: string,
  name: string,
): Promise<PersonaPlugError | null> {
  const found = await sha256Hex(bytes);
  if (found.startsWith(revision)) return null;
  const file = `${name}/manifest.json`;
  return new PersonaPlugError(
    'model-integrity',
    `Model file ${file} is damaged: expected a SHA-256 that begins with ${revision}, found ${found}. Deploy the models again, index.json last.`,
    { details: { file, expected: revision, found } },
  );
}

function parseIndex(content: Uint8Array): v.InferOutput<typeof indexSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(content));
  } catch (cause) {
    throw badIndex('it is not JSON', cause);
  }
  const result = v.safeParse(indexSchema, json);
  if (result.success) return result.output;
  throw badIndex(`${v.getDotPath(result.issues[0]) ?? 'the document'}: ${result.issues[0].message}`);
}

function badIndex(reason: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `index.json of the model packages is not valid: ${reason}. Check that the models URL points at the folder that holds it.`,
    { cause },
  );
}

function absoluteFolder(url: string): string {
  // The type says that it is always there, but it is absent in Node.
  const base = (globalThis as { location?: Location }).location?.href;
  // A worker that was started from a blob has no address to which a relative path could refer.
  if (!URL.canParse(url, base)) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The models URL ${JSON.stringify(url)} cannot be resolved here (base: ${base ?? 'none'}). Give an absolute URL.`,
    );
  }
  const href = new URL(url, base).href;
  return href.endsWith('/') ? href : `${href}/`;
}

function defaultCaches(): CacheStorage | null {
  // The type says that it is always there, but it is absent in Node and in insecure contexts.
  return (globalThis as { caches?: CacheStorage }).caches ?? null;
}
