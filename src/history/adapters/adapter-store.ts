// What a history promises about adapters, see `HistoryStore`.
import type { AdapterName, AdapterState } from '../../adapter/adapter.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import type { AdapterRecord } from '../../adapter/adapter-record.ts';

/** The adapters of a history. */
export interface AdapterStore {
  /**
   * Stores a running adapter; one that ran before for the same task and kind is dropped. False, and nothing is stored, when an
   * item of it is not there.
   */
  startAdapter(record: AdapterRecord): Promise<boolean>;
  /**
   * Stores how far a run has come; once it is ready it takes the place of the running one, of the last one that was ready, and of a
   * stale one. False, and nothing is stored, when the run is not there any more: dropped, started anew, or one of its items forgotten
   * or changed.
   */
  keepAdapter(record: AdapterRecord): Promise<boolean>;
  /** The one that is ready; null where there is none. */
  adapter(task: string, kind: AdapterKind): Promise<AdapterRecord | null>;
  /** Task, kind and state of all there are, without reading what they have learned. */
  adapterNames(): Promise<AdapterName[]>;
  /** All adapters of a task; of all tasks without one. */
  adapters(task?: string): Promise<AdapterRecord[]>;
  /** Removes adapters; without a state all. Returns how many there were. */
  dropAdapters(task: string, kind: AdapterKind, ...states: AdapterState[]): Promise<number>;
  /** Tells of every change of the adapters, also by another tab, once it is committed. Returns what ends it. */
  watchAdapters(listener: () => void): () => void;
}
