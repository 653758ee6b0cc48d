// Puts checked files into WebLLM's caches, so that it downloads nothing and reads no unchecked file.
//
// WebLLM reads through the Cache API by address and takes what it finds. The addresses here are made up and can reach no server
// (.invalid, RFC 2606): should WebLLM ask for a file that was not checked, the load fails. The entries live only while a load runs;
// between loads the package's own cache is the one copy on disk.
import { PersonaPlugError } from '../../../lib/errors.ts';
import type { LanguageModelManifest, ManifestFile } from '../../../model-package/manifest.ts';
import type { ModelPackage, ReadOptions } from '../../../model-package/model-source.ts';

const host = 'https://webllm.persona-plug.invalid/';
const lockName = 'persona-plug.webllm-load';
const scopes = ['webllm/model', 'webllm/config', 'webllm/wasm'] as const;
type Scope = (typeof scopes)[number];

/** Addresses for WebLLM's model record. */
export interface PlacedModel {
  readonly model: string;
  readonly library: string;
}

export interface PlaceOptions extends ReadOptions {
  /** @defaultValue the global ones */
  readonly caches?: CacheStorage;
  readonly locks?: LockManager;
}

/**
 * Runs `load` while the checked files of a package lie in WebLLM's caches. One load at a time, over all tabs.
 *
 * @throws PersonaPlugError `model-integrity`, `model-mismatch` (not made for WebLLM), `storage-quota`.
 */
export async function withVerifiedFiles<T>(
  modelPackage: ModelPackage<LanguageModelManifest>,
  load: (placed: PlacedModel) => Promise<T>,
  { caches = globalThis.caches, locks = globalThis.navigator.locks, ...read }: PlaceOptions = {},
): Promise<T> {
  const { manifest } = modelPackage;
  const library = libraryOf(manifest);
  const base = `${host}${manifest.name}/resolve/${manifest.fingerprint}/`;
  return await locks.request(lockName, read.signal ? { signal: read.signal } : {}, async () => {
    // A load that was interrupted by a closed tab or a crash may have left its files.
    await removePlaced(caches);
    try {
      for (const file of manifest.files) {
        const scope = scopeOf(file, library);
        if (scope === null) continue;
        const bytes = await modelPackage.bytes(file.path, read);
        await put(await caches.open(scope), `${base}${file.path}`, bytes);
      }
      read.signal?.throwIfAborted();
      return await load({ model: base, library: `${base}${library}` });
    } finally {
      await removePlaced(caches);
    }
  });
}

function libraryOf({ name, languageModel }: LanguageModelManifest): string {
  const { webllm, tokenizer } = languageModel;
  if (webllm === undefined) {
    throw new PersonaPlugError(
      'model-mismatch',
      `Model package "${name}" has no WebLLM library. Build one with training/package/webgpu_library, or run the model with ONNX.`,
    );
  }
  if (tokenizer !== 'tokenizer.json') {
    throw new PersonaPlugError(
      'model-mismatch',
      `The tokenizer of model package "${name}" is ${tokenizer}, but WebLLM reads tokenizer.json. Rename it in the package.`,
    );
  }
  return webllm.library;
}

/** The cache in which WebLLM looks for a file; null for those it does not read. */
function scopeOf({ path, role }: ManifestFile, library: string): Scope | null {
  if (path === library) return 'webllm/wasm';
  if (path === 'mlc-chat-config.json') return 'webllm/config';
  return role === 'weights' || role === 'tokenizer' || role === 'config' ? 'webllm/model' : null;
}

async function put(cache: Cache, url: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await cache.put(url, new Response(bytes, { headers: { 'Content-Length': String(bytes.byteLength) } }));
  } catch (cause) {
    if (!(cause instanceof DOMException && cause.name === 'QuotaExceededError')) throw cause;
    throw new PersonaPlugError(
      'storage-quota',
      `The browser has no room for ${url.slice(host.length)} (${bytes.byteLength} bytes). Free some storage of this site, then load again.`,
      { cause, details: { bytes: bytes.byteLength } },
    );
  }
}

async function removePlaced(caches: CacheStorage): Promise<void> {
  for (const scope of scopes) {
    if (!(await caches.has(scope))) continue;
    const cache = await caches.open(scope);
    for (const request of await cache.keys()) if (request.url.startsWith(host)) await cache.delete(request);
  }
}
