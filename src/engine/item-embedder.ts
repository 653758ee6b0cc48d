// Embeds items one text at a time, between other requests, and tells how long it will take.
import type { Embedder } from '../embedder/embedder.ts';
import { vectorVersion } from '../embedder/text-chunks.ts';
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { EmbeddedItem } from '../history/history-store.ts';
import type { Progress } from '../lib/progress.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import type { Mutex } from '../lib/mutex.ts';

export interface ItemEmbedder {
  /** The embedder's fingerprint. */
  readonly fingerprint: string;
  /**
   * The vectors as they would be made of this item today, null where they must be made anew. Those of an older version are the same bits
   * for texts of one chunk, so that they only get the present version.
   */
  current(item: HistoryItem, vectors: ItemVectors): ItemVectors | null;
  /** Whether input or output is so long that a part of it is not in its vector. */
  isPartlyEmbedded(item: HistoryItem): boolean;
  text(text: string, signal: AbortSignal): Promise<Float32Array<ArrayBuffer>>;
  item(item: HistoryItem, signal: AbortSignal): Promise<ItemVectors>;
  /** Embeds items in order; progress before the first and after each. */
  items(items: readonly HistoryItem[], label: string, signal: AbortSignal): AsyncGenerator<Progress | EmbeddedItem>;
}

/**
 * In characters (UTF-16 units). A text so short always fits: Unicode's normalization makes at most four characters of one, a token has at
 * least one, and the shortest windows in use take 8 × 126 tokens. Headlines and titles need not be tokenized once more.
 */
const shortText = 250;

/** `turn`: taken for one chunk of a text each, so that a long import, or a long text, lets a `remember` in between. */
export function createItemEmbedder(embedder: Embedder, turn: Mutex, stopwatch: () => number): ItemEmbedder {
  const { fingerprint, backend, dim } = embedder.identity;

  async function text(content: string, signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    return await embedder.embed(content, { signal, turn: async (work) => await turn.run(work, signal) });
  }

  async function item({ input, output }: HistoryItem, signal: AbortSignal): Promise<ItemVectors> {
    return {
      embedder: fingerprint,
      version: vectorVersion,
      backend,
      dim,
      input: await text(input, signal),
      output: await text(output, signal),
    };
  }

  function isOneChunk(content: string): boolean {
    return embedder.coverage(content).chunks === 1;
  }

  function isPartial(content: string): boolean {
    if (content.length <= shortText) return false;
    const { tokens, embeddedTokens } = embedder.coverage(content);
    return embeddedTokens < tokens;
  }

  return {
    fingerprint,
    current({ input, output }, vectors) {
      if (vectors.embedder !== fingerprint || vectors.dim !== dim) return null;
      const version = vectors.version ?? 1;
      if (version === vectorVersion) return vectors;
      if (version > vectorVersion || !isOneChunk(input) || !isOneChunk(output)) return null;
      return { ...vectors, version: vectorVersion };
    },
    isPartlyEmbedded: ({ input, output }) => isPartial(input) || isPartial(output),
    text,
    item,
    async *items(items, label, signal) {
      const started = stopwatch();
      const report = (done: number): Progress => ({
        stage: 'embed',
        label,
        done,
        total: items.length,
        unit: 'items',
        millisecondsLeft: done === 0 ? null : ((stopwatch() - started) / done) * (items.length - done),
      });
      if (items.length > 0) yield report(0);
      for (const [index, one] of items.entries()) {
        yield { item: one, vectors: await item(one, signal) };
        yield report(index + 1);
        await yieldToEventLoop();
        signal.throwIfAborted();
      }
    },
  };
}
