import { mkdtempSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hashEmbedder } from '../../testing/hash-embedder.ts';
import type { Embedder } from '../../embedder/embedder.ts';
import { cacheVectors } from '../cache-vectors.ts';
import { openVectorFile } from './vector-file.ts';

const cached = (embedder: Embedder, folder: string): Embedder =>
  cacheVectors(embedder, openVectorFile(embedder.identity, folder));

test('a text is embedded once over several runs, and a record that was cut off is embedded again', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vectors-'));
  const embedded: string[] = [];
  const open = () => cached(hashEmbedder({ onEmbed: (text) => embedded.push(text) }), folder);
  const first = open();
  const vectors = [await first.embed('one'), await first.embed('two'), await first.embed('one')];
  expect(embedded).toEqual(['one', 'two']);
  expect(vectors[2]).toEqual(vectors[0]);
  // A change that a caller makes must not reach the cache.
  vectors[2]?.fill(0);

  const second = open();
  expect(await second.embed('one')).toEqual(vectors[0]);
  expect(await second.embed('two')).toEqual(vectors[1]);
  expect(embedded).toHaveLength(2);

  const file = path.join(folder, readdirSync(folder)[0] ?? '');
  truncateSync(file, statSync(file).size - 3);
  const third = open();
  expect(await third.embed('one')).toEqual(vectors[0]);
  expect(await third.embed('two')).toEqual(vectors[1]);
  expect(embedded).toEqual(['one', 'two', 'two']);
  expect(await open().embed('two')).toEqual(vectors[1]);
  expect(embedded).toHaveLength(3);
});

test('another embedder has a file of its own', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vectors-'));
  await cached(hashEmbedder(), folder).embed('one');
  await cached(hashEmbedder({ fingerprint: 'ab'.repeat(32) }), folder).embed('one');
  expect(readdirSync(folder)).toHaveLength(2);
});
