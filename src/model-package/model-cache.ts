// Model files in the browser's Cache API. Where it fails or is absent, models are loaded from the network each time.

/** Caches bytes by URL. */
export interface ModelCache {
  get(url: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Does nothing where there is no room. */
  put(url: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(url: string): Promise<void>;
  /** Deletes every entry that begins with `prefix` and not with `except`: files of older revisions. */
  deleteOthers(prefix: string, except: string): Promise<void>;
}

/** Opens a cache by name; one that keeps nothing where the Cache API is absent or closed (insecure context, private mode). */
export async function openModelCache(name: string, storage: CacheStorage | null): Promise<ModelCache> {
  const cache = storage === null ? null : await openOrNull(name, storage);
  return cache === null ? emptyCache : cacheOf(cache);
}

async function openOrNull(name: string, storage: CacheStorage): Promise<Cache | null> {
  try {
    return await storage.open(name);
  } catch (error) {
    // SecurityError in private modes and sandboxed frames; any other error is unexpected and thrown.
    if (error instanceof DOMException) return null;
    throw error;
  }
}

const emptyCache: ModelCache = {
  get: () => Promise.resolve(null),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(),
  deleteOthers: () => Promise.resolve(),
};

function cacheOf(cache: Cache): ModelCache {
  return {
    async get(url) {
      const response = await cache.match(url);
      return response === undefined ? null : new Uint8Array(await response.arrayBuffer());
    },
    async put(url, bytes) {
      try {
        await cache.put(url, new Response(bytes, { headers: { 'content-type': 'application/octet-stream' } }));
      } catch (error) {
        // A full disk must not make a model unusable that is already in memory.
        if (!(error instanceof DOMException && error.name === 'QuotaExceededError')) throw error;
      }
    },
    async delete(url) {
      await cache.delete(url);
    },
    async deleteOthers(prefix, except) {
      for (const request of await cache.keys()) {
        if (request.url.startsWith(prefix) && !request.url.startsWith(except)) await cache.delete(request);
      }
    },
  };
}
