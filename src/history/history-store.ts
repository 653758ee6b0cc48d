// The contract of a history: items with their vectors, all-or-nothing writes, exact deletion.
import type { HistoryItem, ItemVectors, StoredItem } from './history-item.ts';

export interface HistoryStore extends AsyncDisposable {
  /** Writes items and vectors in one transaction: all or none. An id that exists is left as it is when equal, else replaced. Returns how many were new or changed. */
  put(
    items: readonly { item: HistoryItem; vectors: ItemVectors }[],
  ): Promise<{ added: number; replaced: number; unchanged: number }>;
  get(id: string): Promise<StoredItem | undefined>;
  /** Which of these ids exist with the very same item and vectors of this embedder. */
  has(ids: readonly string[], embedder: string): Promise<Set<string>>;
  /** Items of a task (all tasks without one) in the fixed order: date ascending, undated first, then id by code units. */
  list(task?: string): Promise<StoredItem[]>;
  /** Items per task, without reading the vectors. */
  count(): Promise<Record<string, number>>;
  /** Removes the item and its vectors in one transaction; false when there was none. */
  delete(id: string): Promise<boolean>;
  /** Removes everything, the caches included. */
  clear(): Promise<void>;
}
