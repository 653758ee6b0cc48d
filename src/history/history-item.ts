// An item of the history: a text that a user wrote, and its vectors.

/** An item as the user gives it. */
export interface HistoryItemInput {
  /** Without one: SHA-256 of (task, date, input, output), so that importing twice changes nothing. */
  readonly id?: string;
  /** `YYYY-MM-DD` or ISO 8601 (UTC). */
  readonly date?: string;
  readonly task: string;
  readonly input: string;
  readonly output: string;
}

/** An item as it is stored. */
export interface HistoryItem {
  readonly id: string;
  readonly date: string | null;
  readonly task: string;
  readonly input: string;
  readonly output: string;
}

/** The vectors of an item, `[dim]` each, and the embedder that made them. */
export interface ItemVectors {
  /** The embedder's fingerprint. */
  readonly embedder: string;
  /** The way in which the embedder was used, see `vectorVersion`. Vectors of 0.1.0 have none, which counts as 1. */
  readonly version?: number;
  readonly backend: 'wasm' | 'webgpu';
  readonly dim: number;
  readonly input: Float32Array<ArrayBuffer>;
  readonly output: Float32Array<ArrayBuffer>;
}

/** Item and vectors; `vectors` is null only until an item is embedded by another embedder. */
export interface StoredItem {
  readonly item: HistoryItem;
  readonly vectors: ItemVectors | null;
}
