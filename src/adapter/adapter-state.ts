// What an application is told of a tuning's state.
import type { AdapterRecord } from './adapter-record.ts';

/**
 * `running`: under way, paused or interrupted, to be resumed; `ready`: used by answers; `stale`: an item of it was forgotten or
 * changed, its parameters are erased, and it waits to be trained again or deleted.
 */
export type AdapterState = 'running' | 'ready' | 'stale';

/** By the state of the record. */
export const adapterStates = { running: 'running', done: 'ready', stale: 'stale' } as const satisfies Record<
  AdapterRecord['state'],
  AdapterState
>;
