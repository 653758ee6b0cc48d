// Writes a history as JSON lines, which `parseHistory` reads.
import { encodeFloat32 } from './float32-base64.ts';
import type { StoredItem } from './history-item.ts';

/**
 * One line an item, in the given order. With `includeVectors` each line carries its vectors, so that an import gives
 * bit-equal personas; without them the import embeds again, which on another device gives slightly different vectors.
 */
export function exportHistory(items: readonly StoredItem[], options: { readonly includeVectors: boolean }): string {
  return items
    .map(({ item, vectors }) => {
      const { id, date, task, input, output } = item;
      const words = { id, ...(date === null ? {} : { date }), task, input, output };
      if (!options.includeVectors || vectors === null) return `${JSON.stringify(words)}\n`;
      const { embedder, version, backend, dim } = vectors;
      const encoded = {
        embedder,
        ...(version === undefined ? {} : { version }),
        backend,
        dim,
        input: encodeFloat32(vectors.input),
        output: encodeFloat32(vectors.output),
      };
      return `${JSON.stringify({ ...words, vectors: encoded })}\n`;
    })
    .join('');
}
