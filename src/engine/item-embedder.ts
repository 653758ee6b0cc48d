// Embeds items one text at a time, between other requests, and tells how long it will take.
import type { Embedder } from '../embedder/embedder.ts';
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { EmbeddedItem } from '../history/history-store.ts';
import type { Progress } from '../lib/progress.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import type { Mutex } from '../lib/mutex.ts';

export interface ItemEmbedder {
  /** The embedder's fingerprint. */
  readonly fingerprint: string;
  text(text: string, signal: AbortSignal): Promise<Float32Array<ArrayBuffer>>;
  item(item: HistoryItem, signal: AbortSignal): Promise<ItemVectors>;
  /** Embeds items in order; progress before the first and after each. */
  items(items: readonly HistoryItem[], label: string, signal: AbortSignal): AsyncGenerator<Progress | EmbeddedItem>;
}

/** `turn`: taken for one text each, so that a long import lets a `remember` in between. */
export function createItemEmbedder(embedder: Embedder, turn: Mutex, stopwatch: () => number): ItemEmbedder {
  const { fingerprint, backend, dim } = embedder.identity;

  async function text(content: string, signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    return await turn.run(async () => await embedder.embed(content, { signal }), signal);
  }

  async function item({ input, output }: HistoryItem, signal: AbortSignal): Promise<ItemVectors> {
    return {
      embedder: fingerprint,
      backend,
      dim,
      input: await text(input, signal),
      output: await text(output, signal),
    };
  }

  return {
    fingerprint,
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
