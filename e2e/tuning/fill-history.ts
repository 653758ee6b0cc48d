// A history that a training can learn something of.
import { vectorVersion } from '../../src/embedder/text-chunks.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { seededRandom } from '../../src/lib/seeded-random.ts';

export const task = 'news_headline';

const places = ['bridge', 'school', 'market', 'harbour', 'library', 'station', 'garden', 'theatre'];

/** Stores up to eight headlines of one voice, `i0`, `i1`, …, with vectors of the plug's embedder. */
export async function fillHistory(name: string, count = 6): Promise<void> {
  await using store = await openHistory({ name });
  const { manifest } = await createUrlModelSource('/models/').open('plug', 'plug');
  const { dim, embedder } = manifest.plug;
  await store.put(
    places.slice(0, count).map((place, index) => ({
      item: {
        id: `i${index}`,
        date: `2024-01-0${index + 1}`,
        task,
        input: `The ${place} opens again.`,
        output: `At last! The ${place}!`,
      },
      vectors: {
        embedder,
        version: vectorVersion,
        backend: 'wasm' as const,
        dim,
        input: unitVector(2 * index, dim),
        output: unitVector(2 * index + 1, dim),
      },
    })),
  );
}

function unitVector(seed: number, dim: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: dim }, () => random() - 0.5);
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}
