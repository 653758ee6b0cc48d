// One at a time, first come first served; whoever waits can give up.
import { orAborted } from './or-aborted.ts';

export interface Mutex {
  /** Runs `work` alone. @throws `signal.reason` when aborted while waiting. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Waits for the turn and returns the function that ends it. @throws `signal.reason` when aborted while waiting. */
  acquire(signal?: AbortSignal): Promise<() => void>;
  /** How many turns have begun or wait, and have not ended. */
  turns(): number;
}

export function createMutex(): Mutex {
  /** Settles when everyone who came before has ended. */
  let last: Promise<unknown> = Promise.resolve();
  const open = new Set<object>();

  async function acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const before = last;
    const turn = {};
    open.add(turn);
    let end: () => void = doNothing;
    const ended = new Promise<void>((resolve) => {
      end = () => {
        open.delete(turn);
        resolve();
      };
    });
    // Those behind wait for those before, also when this one gives up.
    last = Promise.all([before, ended]);
    try {
      await orAborted(before, signal);
    } catch (reason) {
      end();
      throw reason;
    }
    return end;
  }

  return {
    acquire,
    turns: () => open.size,
    async run(work, signal) {
      const release = await acquire(signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}

function doNothing(): void {}
