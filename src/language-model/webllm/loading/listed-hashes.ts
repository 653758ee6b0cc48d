// Checks the files of a WebLLM model that the application supplies, in WebLLM's caches, by SHA-256 sums that the application supplies.
// WebLLM's own integrity check leaves out the weight shards.
import type { ModelRecord } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../../lib/errors.ts';
import { sha256Hex } from '../../../model-package/sha256.ts';

/**
 * Fetches every listed file into WebLLM's cache and checks it.
 *
 * @param sha256 - Hex sums by file name beside the model; the library's under the name `library`.
 * @throws PersonaPlugError `model-integrity` for a file with another sum (it is removed), `network-failed` when one cannot be had.
 */
export async function checkListedHashes(
  record: ModelRecord,
  sha256: Readonly<Record<string, string>>,
  signal?: AbortSignal,
  caches: CacheStorage = globalThis.caches,
): Promise<void> {
  const base = resolveModelUrl(record.model);
  for (const [name, expected] of Object.entries(sha256)) {
    signal?.throwIfAborted();
    const url = name === 'library' ? new URL(record.model_lib, base).href : new URL(name, base).href;
    const cache = await caches.open(scopeOf(name));
    const kept = (await cache.match(url)) ?? (await fetchInto(cache, url, signal));
    const found = await sha256Hex(new Uint8Array(await kept.arrayBuffer()));
    if (found === expected.toLowerCase()) continue;
    await cache.delete(url);
    throw new PersonaPlugError(
      'model-integrity',
      `Model file ${url} is damaged: expected SHA-256 ${expected}, found ${found}. Load the model again to fetch the file once more; if it differs again, correct the list or the server.`,
      { details: { file: url, expected, found } },
    );
  }
}

/** WebLLM's own rule for the address of a model. */
function resolveModelUrl(model: string): string {
  const folder = model.endsWith('/') ? model : `${model}/`;
  const resolved = /.+\/resolve\/.+\//.test(folder) ? folder : `${folder}resolve/main/`;
  return new URL(resolved, globalThis.location.href).href;
}

function scopeOf(name: string): string {
  if (name === 'library') return 'webllm/wasm';
  return name === 'mlc-chat-config.json' ? 'webllm/config' : 'webllm/model';
}

async function fetchInto(cache: Cache, url: string, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
    signal?.throwIfAborted();
  } catch (cause) {
    signal?.throwIfAborted();
    throw cannotFetch(url, 'the connection failed', cause);
  }
  if (!response.ok) throw cannotFetch(url, `status ${response.status}`);
  await cache.put(url, response.clone());
  return response;
}

function cannotFetch(url: string, reason: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError('network-failed', `Model file ${url} cannot be fetched: ${reason}. Check its address.`, {
    cause,
  });
}
