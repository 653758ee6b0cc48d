// A fake embedder for unit tests of applications: deterministic unit vectors from a hash of the words, so that texts that share words are
// similar. It is not a measure of the real embedder's quality.
import type { Embedder } from '../embedder/embedder.ts';
import { seededRandom } from '../lib/seeded-random.ts';

export interface HashEmbedderOptions {
  /** @defaultValue 16 */
  readonly dim?: number;
  /** @defaultValue 'fa4e' repeated */
  readonly fingerprint?: string;
  /** Called with every text that is embedded. */
  readonly onEmbed?: (text: string) => void;
}

export function hashEmbedder(options: HashEmbedderOptions = {}): Embedder {
  const { dim = 16, fingerprint = 'fa4e'.repeat(16), onEmbed } = options;
  return {
    identity: { name: 'hash-embedder', fingerprint, dim, backend: 'wasm' },
    device: { kind: 'wasm', reason: 'a fake needs no device', adapter: null, isFallbackAdapter: false },
    selfTest: { smallestCosine: 1, passed: true },
    async embed(text, { signal } = {}) {
      signal?.throwIfAborted();
      await Promise.resolve();
      signal?.throwIfAborted();
      onEmbed?.(text);
      const sum = new Float64Array(dim);
      for (const word of text.toLowerCase().split(/\s+/u)) {
        const random = seededRandom(hash(fingerprint + word));
        for (let index = 0; index < dim; index++) sum[index] = (sum[index] ?? 0) + random() - 0.5;
      }
      const norm = Math.hypot(...sum);
      return Float32Array.from(sum, (value) => value / norm);
    },
    async [Symbol.asyncDispose]() {
      // Owns nothing.
    },
  };
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
