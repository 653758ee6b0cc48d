// A fake embedder for unit tests of applications: deterministic unit vectors from a hash of the words, so that texts that share words are
// similar. It is not a measure of the real embedder's quality.
import type { Embedder } from '../embedder/embedder.ts';
import { coverageOf, embedInChunks } from '../embedder/text-chunks.ts';
import { seededRandom } from '../lib/seeded-random.ts';

export interface HashEmbedderOptions {
  /** @defaultValue 16 */
  readonly dim?: number;
  /** @defaultValue 'fa4e' repeated */
  readonly fingerprint?: string;
  /** Words of a chunk, which are its tokens; longer texts are embedded in chunks. @defaultValue 254 */
  readonly chunkWords?: number;
  /** Called with every text that is embedded, before its first chunk. */
  readonly onEmbed?: (text: string) => void;
}

export function hashEmbedder(options: HashEmbedderOptions = {}): Embedder {
  const { dim = 16, fingerprint = 'fa4e'.repeat(16), chunkWords = 254, onEmbed } = options;

  async function embedWords(words: readonly string[]): Promise<Float32Array<ArrayBuffer>> {
    await Promise.resolve();
    const sum = new Float64Array(dim);
    for (const word of words) {
      const random = seededRandom(hash(fingerprint + word));
      for (let index = 0; index < dim; index++) sum[index] = (sum[index] ?? 0) + random() - 0.5;
    }
    const norm = Math.hypot(...sum);
    return Float32Array.from(sum, (value) => value / norm);
  }

  return {
    identity: { name: 'hash-embedder', fingerprint, dim, backend: 'wasm' },
    device: { kind: 'wasm', reason: 'a fake needs no device', adapter: null, isFallbackAdapter: false },
    selfTest: { smallestCosine: 1, passed: true },
    async embed(text, embedOptions = {}) {
      embedOptions.signal?.throwIfAborted();
      await Promise.resolve();
      embedOptions.signal?.throwIfAborted();
      onEmbed?.(text);
      return await embedInChunks(wordsOf(text), chunkWords, embedWords, embedOptions);
    },
    coverage: (text) => coverageOf(wordsOf(text).length, chunkWords),
    async [Symbol.asyncDispose]() {
      // Owns nothing.
    },
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/u);
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
