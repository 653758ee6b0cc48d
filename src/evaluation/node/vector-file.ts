// Vectors on disk, so that a second run embeds nothing: one file an embedder and version of its use, records of 32 bytes SHA-256 of the text and the
// vector `[dim]` as little-endian float32, appended as they are made.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import type { EmbedderIdentity } from '../../embedder/embedder.ts';
import { vectorVersion } from '../../embedder/text-chunks.ts';
import type { VectorCache } from '../cache-vectors.ts';

const hashBytes = 32;

/** The vectors of an embedder that `folder` holds, to which new ones are appended. */
export function openVectorFile({ fingerprint, dim, backend }: EmbedderIdentity, folder: string): VectorCache {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `vectors-${fingerprint.slice(0, 16)}-${backend}-${vectorVersion}.bin`);
  const vectors = read(file, dim);
  return {
    get: (text) => vectors.get(hashOf(text).toString('hex')),
    set(text, vector) {
      const hash = hashOf(text);
      vectors.set(hash.toString('hex'), vector);
      appendFileSync(file, Buffer.concat([hash, Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)]));
    },
  };
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function read(file: string, dim: number): Map<string, Float32Array<ArrayBuffer>> {
  const vectors = new Map<string, Float32Array<ArrayBuffer>>();
  if (!existsSync(file)) return vectors;
  const record = hashBytes + dim * Float32Array.BYTES_PER_ELEMENT;
  const bytes = readFileSync(file);
  const whole = bytes.length - (bytes.length % record);
  // A killed run may have cut its last record off; bytes that follow an incomplete record would be misread.
  if (whole < bytes.length) truncateSync(file, whole);
  for (let start = 0; start < whole; start += record) {
    const key = bytes.subarray(start, start + hashBytes).toString('hex');
    const content = Uint8Array.from(bytes.subarray(start + hashBytes, start + record));
    vectors.set(key, new Float32Array(content.buffer));
  }
  return vectors;
}
