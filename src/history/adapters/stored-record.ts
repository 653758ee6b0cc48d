// How an adapter lies in the database. The databases of users call the state `ready` by an older word, `done`: it is known here alone.
import type { AdapterState } from '../../adapter/adapter.ts';
import type { AdapterRecord } from '../../adapter/adapter-record.ts';

export type StoredState = 'running' | 'done' | 'stale';

export interface StoredRecord extends Omit<AdapterRecord, 'state'> {
  readonly state: StoredState;
}

export const storedStates = { running: 'running', ready: 'done', stale: 'stale' } as const satisfies Record<
  AdapterState,
  StoredState
>;

const states = { running: 'running', done: 'ready', stale: 'stale' } as const satisfies Record<
  StoredState,
  AdapterState
>;

export function fromStoredState(state: StoredState): AdapterState {
  return states[state];
}

export function toStoredRecord(record: AdapterRecord): StoredRecord {
  return { ...record, state: storedStates[record.state] };
}

export function fromStoredRecord(record: StoredRecord): AdapterRecord {
  return { ...record, state: states[record.state] };
}
