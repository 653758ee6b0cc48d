// What tuning keeps beside the items: a run that is under way, and what a finished one has learned. Both were made of items, and
// with any one of them what was learned goes: a parameter that has seen a forgotten text still knows of it. What stays says how
// the tuning was asked for, so that it can be trained again on what is left.

/** Kinds of tunings: rows of a prompt, low-rank changes of weights, rescaled activations ((IA)³). */
export const adapterKinds = ['prompt', 'lora', 'ia3'] as const;
export type AdapterKind = (typeof adapterKinds)[number];

/** Why the parameters of a tuning are not there: an item of it was forgotten or changed, or an import brought none. */
export interface StaleMark {
  readonly reason: 'forgotten' | 'changed' | 'imported';
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** One tuning of a task. There is at most one in each state, of each kind. */
export interface AdapterRecord {
  readonly task: string;
  readonly kind: AdapterKind;
  /** `stale`: `description` and `tensors` are empty, erased by what made it stale, and it waits to be trained again or deleted. */
  readonly state: 'running' | 'done' | 'stale';
  /** Names the run: a checkpoint that comes late must not bring back what was dropped or started anew meanwhile. */
  readonly run: string;
  /** The ids of the items that it is made of; of a stale one those that are left. */
  readonly items: readonly string[];
  /** JSON of how it was asked for: options, seed, models; nothing that follows from a text. The store does not look into it. */
  readonly settings: string;
  /** JSON of what came out; the store does not look into it. */
  readonly description: string;
  /** Safetensors; the store does not look into them. */
  readonly tensors: Uint8Array<ArrayBuffer>;
  /** Only where it is stale. */
  readonly stale?: StaleMark;
}

export type AdapterName = Pick<AdapterRecord, 'task' | 'kind' | 'state'>;

/** The tunings of a history, see `HistoryStore`. */
export interface AdapterStore {
  /**
   * Stores a running tuning; one that ran before for the same task and kind is dropped. False, and nothing is stored, when an
   * item of it is not there.
   */
  startAdapter(record: AdapterRecord): Promise<boolean>;
  /**
   * Stores how far a run has come; `done` takes its place, that of the last one that was done, and of a stale one. False, and nothing is stored,
   * when the run is not there any more: dropped, started anew, or one of its items forgotten or changed.
   */
  keepAdapter(record: AdapterRecord): Promise<boolean>;
  /** The one that is done; null where there is none. */
  adapter(task: string, kind: AdapterKind): Promise<AdapterRecord | null>;
  /** Task, kind and state of all there are, without reading what they have learned. */
  adapterNames(): Promise<AdapterName[]>;
  /** All tunings of a task; of all tasks without one. */
  adapters(task?: string): Promise<AdapterRecord[]>;
  /** Removes tunings; without a state all. Returns how many there were. */
  dropAdapters(task: string, kind: AdapterKind, ...states: AdapterRecord['state'][]): Promise<number>;
  /** Tells of every change of the tunings, also by another tab, once it is committed. Returns what ends it. */
  watchAdapters(listener: () => void): () => void;
}
