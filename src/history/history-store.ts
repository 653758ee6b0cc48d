// The contract of a history: items with their vectors, all-or-nothing writes, exact deletion. `openHistory` implements it over
// IndexedDB and `inMemoryHistory` in memory; src/testing/history-contract.ts tests it.
import type { HistoryItem, ItemVectors, StoredItem } from './history-item.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';
import type { AdapterStore } from './adapters/adapter-store.ts';

/** An item with its vectors. */
export interface EmbeddedItem {
  readonly item: HistoryItem;
  readonly vectors: ItemVectors;
}

/** A plug's projection of an item's vectors, `[projectorWidth]`, cached so that it is computed once. */
export interface ItemProjection {
  readonly id: string;
  /** The vectors it was made of. */
  readonly vectors: ItemVectors;
  readonly projection: Float32Array<ArrayBuffer>;
}

/** A stored item with its projection; null where none is cached. */
export interface RecalledItem extends StoredItem {
  readonly projection: Float32Array<ArrayBuffer> | null;
}

export interface PutResult {
  readonly added: number;
  readonly replaced: number;
  readonly unchanged: number;
}

export interface PutOptions {
  readonly signal?: AbortSignal;
  /** Adapters of an import. Each is stored if the history has all of its items and no adapter of its task and kind. */
  readonly adapters?: readonly AdapterRecord[];
}

export interface HistoryStore extends AdapterStore, AsyncDisposable {
  /**
   * Writes items and vectors in one transaction: all or none, also when `signal` aborts it. An id that exists is left
   * as it is when the item is equal and its vectors were made by the same embedder in the same version, else replaced. When it resolves, the data survives a killed browser.
   *
   * @throws PersonaPlugError `storage-quota`, `storage-failed`, `storage-blocked`, `closed`, or `signal.reason`.
   */
  put(entries: readonly EmbeddedItem[], options?: PutOptions): Promise<PutResult>;
  get(id: string): Promise<StoredItem | undefined>;
  /** The ids of those items that are stored unchanged, with vectors that are `isCurrent`. */
  has(
    items: readonly HistoryItem[],
    isCurrent: (item: HistoryItem, vectors: ItemVectors) => boolean,
  ): Promise<Set<string>>;
  /** Items of a task (all tasks without one) in the fixed order: date ascending, undated first, then id by code units. All tasks: task by task, by code units. */
  list(task?: string): Promise<StoredItem[]>;
  /** Like `list`, without reading the vectors. */
  items(task?: string): Promise<HistoryItem[]>;
  /** Items per task, without reading the vectors. */
  count(): Promise<Record<string, number>>;
  /** Removes the item, its vectors, its projections and the parameters of the adapters made of it in one transaction; false when there was none. */
  delete(id: string): Promise<boolean>;
  /** Removes everything, the caches included. */
  clear(): Promise<void>;
  /**
   * Gives stored items other vectors, unless the items were changed or deleted meanwhile. Projections stay where the vectors have the same
   * bits as before. Returns how many were written.
   */
  replaceVectors(entries: readonly EmbeddedItem[]): Promise<number>;
  /** Like `list(task)`, with the cached projections of a plug (fingerprint), all read in one transaction. */
  recall(task: string, plug: string): Promise<RecalledItem[]>;
  /** Caches projections of items that still have the vectors they were computed from. Returns how many were cached. */
  putProjections(plug: string, projections: readonly ItemProjection[]): Promise<number>;
}
