// What is left of an adapter when an item of it is forgotten. Everything that follows from texts is erased at once, not only when the
// user has chosen what to do: a mark that says "do not use" would leave traces of the text on the disk.
import type { AdapterState, StaleMark } from '../../adapter/adapter.ts';
import type { AdapterRecord } from '../../adapter/adapter-record.ts';

/** The adapter without what it has learned, and without the item's id: an id may be made of the item's text. */
export function staleAdapter(record: AdapterRecord, forgotten: string | null, mark: StaleMark): AdapterRecord {
  const { task, kind, run, items, settings, stale = mark } = record;
  return {
    task,
    kind,
    state: 'stale',
    run,
    items: items.filter((id) => id !== forgotten),
    settings,
    description: '',
    tensors: new Uint8Array(0),
    stale,
  };
}

/**
 * Of all that was made of an item, the one whose settings are offered again: the newest, which a run under way is, and a stale one
 * before what became ready earlier.
 */
export function newestAdapter(records: readonly AdapterRecord[]): AdapterRecord | undefined {
  const byState = (state: AdapterState): AdapterRecord | undefined => records.find((record) => record.state === state);
  return byState('running') ?? byState('stale') ?? byState('ready');
}
