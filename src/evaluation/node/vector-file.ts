// Vectors on disk, so that a second run embeds nothing: one file an embedder, records of 32 bytes SHA-256 of the text and the
// vector `[dim]` as little-endian float32, appended as they are made.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import type { Embedder } from '../../embedder/embedder.ts';

const hashBytes = 32;

/** The same embedder, which embeds every text once and keeps it in `folder`. It owns the embedder as before. */
export function cachedEmbedder(embedder: Embedder, folder: string): Embedder {
  const { fingerprint, dim, backend } = embedder.identity;
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `vectors-${fingerprint.slice(0, 16)}-${backend}.bin`);
  const vectors = read(file, dim);
  return {
    ...embedder,
    async embed(text, options) {
      options?.signal?.throwIfAborted();
      const hash = createHash('sha256').update(text).digest();
      const key = hash.toString('hex');
      const known = vectors.get(key);
      if (known !== undefined) return known.slice();
      const vector = await embedder.embed(text, options);
      vectors.set(key, vector.slice());
      appendFileSync(file, Buffer.concat([hash, Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)]));
      return vector;
    },
  };
}

function read(file: string, dim: number): Map<string, Float32Array<ArrayBuffer>> {
  const vectors = new Map<string, Float32Array<ArrayBuffer>>();
  if (!existsSync(file)) return vectors;
  const record = hashBytes + dim * Float32Array.BYTES_PER_ELEMENT;
  const bytes = readFileSync(file);
  const whole = bytes.length - (bytes.length % record);
  // The last record of a run that was killed may be cut off; what follows it would be misread.
  if (whole < bytes.length) truncateSync(file, whole);
  for (let start = 0; start < whole; start += record) {
    const key = bytes.subarray(start, start + hashBytes).toString('hex');
    const content = Uint8Array.from(bytes.subarray(start + hashBytes, start + record));
    vectors.set(key, new Float32Array(content.buffer));
  }
  return vectors;
}
