// What the history holds for a request: the items of its task and, where they are needed, vectors of the present
// embedder. Read in one transaction, so that an item that changes meanwhile is wholly there or wholly not, for the
// persona and for every other use of it alike.
import type { HistoryItem, ItemVectors } from '../history/history-item.ts';
import type { HistoryStore, RecalledItem } from '../history/history-store.ts';
import type { Progress } from '../lib/progress.ts';
import type { Plug } from '../persona/plug.ts';
import type { ItemEmbedder } from './item-embedder.ts';
import type { GenerateRequest } from './personalizer.ts';

export interface RecallParts {
  readonly store: HistoryStore;
  readonly plug: Plug;
  readonly embed: ItemEmbedder;
}

/** An item with vectors of the present embedder. */
export interface ReadyItem {
  readonly id: string;
  readonly date: string | null;
  /** The unit vector of the item's input, `[d]`. */
  readonly input: Float32Array;
  readonly recalled: RecalledItem;
  readonly vectors: ItemVectors;
}

export interface RecalledHistory {
  /** The items of the task: date ascending, undated first, then id. */
  readonly items: readonly HistoryItem[];
  /** Null where nobody asked for vectors, or there is no item. */
  readonly vectors: {
    /** The unit vector of the request's input, `[d]`. */
    readonly query: Float32Array;
    /** In the order of `items`. */
    readonly items: readonly ReadyItem[];
  } | null;
}

/** Written in batches, so that an abort keeps what was done. */
const batchSize = 32;

/** Yields progress while items of another embedder are embedded anew. */
export async function* recallHistory(
  parts: RecallParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<Progress, RecalledHistory, void> {
  const { persona, retrieval, profile } = request;
  const areVectorsNeeded = persona !== 'none' || retrieval?.method === 'dense';
  const isNeeded = areVectorsNeeded || retrieval !== undefined || profile === true;
  if (!isNeeded) return { items: [], vectors: null };
  const recalled = await parts.store.recall(request.task, parts.plug.fingerprint);
  const items = recalled.map(({ item }) => item);
  if (items.length === 0 || !areVectorsNeeded) return { items, vectors: null };
  const ready = yield* readyItems(parts, recalled, request.task, signal);
  return { items, vectors: { query: await parts.embed.text(request.input, signal), items: ready } };
}

/** Vectors of different embedders must not meet in one persona: what another one made is made anew, and kept. */
async function* readyItems(
  { store, embed }: RecallParts,
  recalled: readonly RecalledItem[],
  task: string,
  signal: AbortSignal,
): AsyncGenerator<Progress, ReadyItem[], void> {
  const fresh = new Map<string, ItemVectors>();
  const stale = recalled.filter(({ vectors }) => vectors?.embedder !== embed.fingerprint).map(({ item }) => item);
  let batch: { item: RecalledItem['item']; vectors: ItemVectors }[] = [];
  for await (const step of embed.items(stale, task, signal)) {
    if ('stage' in step) {
      yield step;
      continue;
    }
    fresh.set(step.item.id, step.vectors);
    batch.push(step);
    if (batch.length === batchSize) {
      await store.replaceVectors(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await store.replaceVectors(batch);
  return recalled.flatMap((entry) => {
    const renewed = fresh.get(entry.item.id);
    const vectors = renewed ?? entry.vectors;
    if (vectors === null) return [];
    const projection = renewed === undefined ? entry.projection : null;
    const { id, date } = entry.item;
    return [{ id, date, input: vectors.input, vectors, recalled: { ...entry, projection } }];
  });
}
