// What the history holds for a request: the items of its task and, where they are needed, vectors of the present embedder. The items
// are read in one transaction, so that an item that changes meanwhile is wholly there or wholly not, for the persona and for every
// other use of it alike.
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { EmbeddedItem, RecalledItem } from '../history/history-store.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import type { EngineContext } from './engine-context.ts';
import type { ItemEmbedder } from './item-embedder.ts';
import type { GenerateRequest, ProgressEvent } from './personalizer.ts';
import { readAdapters, type TaskAdapters } from './read-adapters.ts';

/** An item with vectors of the present embedder. */
export interface EmbeddedRecall {
  readonly id: string;
  readonly date: string | null;
  /** The unit vector of the item's input, `[d]`. */
  readonly input: Float32Array;
  readonly recalled: RecalledItem;
  readonly vectors: ItemVectors;
}

export interface Recalled {
  /** The items of the task: date ascending, undated first, then id. Empty where nobody asks for them. */
  readonly items: readonly HistoryItem[];
  /** In the order of `items`; null where nobody asks for vectors, or there is no item. */
  readonly vectors: readonly EmbeddedRecall[] | null;
  /** The unit vector of the request's input, `[d]`; null where nobody asks for it. */
  readonly query: Float32Array | null;
  /** What was trained on the items. */
  readonly adapters: TaskAdapters;
}

/** Written in batches, so that an abort keeps what was done. */
const batchSize = 32;

/** Yields progress while items of another embedder, or long ones of an older version, are embedded anew. */
export async function* recall(
  context: EngineContext,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<ProgressEvent, Recalled, void> {
  const { store, plug, embed } = context;
  const { task, input, persona, retrieval, profile } = request;
  const needsVectors = persona !== 'none' || retrieval?.method === 'dense';
  const needsItems = needsVectors || retrieval !== undefined || profile === true;
  const stored = needsItems ? await store.recall(task, plug.fingerprint) : [];
  const adapters = await readAdapters(context, request);

  const vectors = needsVectors && stored.length > 0 ? yield* withVectors(context, stored, task, signal) : null;
  const needsQuery = vectors !== null || adapters.softPrompt?.base === 'instruction';
  const query = needsQuery ? await embed.text(input, signal) : null;
  return { items: stored.map(({ item }) => item), vectors, query, adapters };
}

/**
 * Vectors of different embedders, or old and new vectors of long texts, must not meet in one persona: those that would be made otherwise
 * today are made anew, and kept.
 */
async function* withVectors(
  { store, embed }: EngineContext,
  stored: readonly RecalledItem[],
  task: string,
  signal: AbortSignal,
): AsyncGenerator<ProgressEvent, EmbeddedRecall[], void> {
  const { known, relabelled, stale } = await sortByVectors(embed, stored, signal);
  if (relabelled.length > 0) await store.replaceVectors(relabelled);
  let batch: EmbeddedItem[] = [];
  const renewed = new Set<string>();
  for await (const step of embed.items(stale, task, signal)) {
    if ('stage' in step) {
      yield { type: 'progress', progress: step };
      continue;
    }
    known.set(step.item.id, step.vectors);
    renewed.add(step.item.id);
    batch.push(step);
    if (batch.length === batchSize) {
      await store.replaceVectors(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await store.replaceVectors(batch);
  return stored.flatMap((entry) => {
    const { id, date } = entry.item;
    const vectors = known.get(id);
    if (vectors === undefined) return [];
    const projection = renewed.has(id) ? null : entry.projection;
    return [{ id, date, input: vectors.input, vectors, recalled: { ...entry, projection } }];
  });
}

interface SortedItems {
  /** By item id. */
  readonly known: Map<string, ItemVectors>;
  /** Known vectors of an older version, which are the same in the present one. */
  readonly relabelled: EmbeddedItem[];
  readonly stale: HistoryItem[];
}

async function sortByVectors(
  embed: ItemEmbedder,
  stored: readonly RecalledItem[],
  signal: AbortSignal,
): Promise<SortedItems> {
  const sorted: SortedItems = { known: new Map(), relabelled: [], stale: [] };
  for (const { item, vectors: found } of stored) {
    const vectors = found === null ? null : embed.current(item, found);
    if (vectors === null) {
      sorted.stale.push(item);
      continue;
    }
    sorted.known.set(item.id, vectors);
    if (vectors === found) continue;
    sorted.relabelled.push({ item, vectors });
    // Telling an old vector's version by its text takes a tokenization.
    if (sorted.relabelled.length % batchSize === 0) {
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
  }
  return sorted;
}
