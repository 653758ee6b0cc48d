// One at a time, first come first served; whoever waits can give up.

export interface Mutex {
  /** Runs `work` alone. @throws `signal.reason` when aborted while waiting. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Waits for the turn and returns the function that ends it. */
  acquire(signal?: AbortSignal): Promise<() => void>;
  /** How many turns have begun or wait, and have not ended. */
  turns(): number;
}

export function createMutex(): Mutex {
  /** Settles when everyone who came before has ended. */
  let last: Promise<void> = Promise.resolve();
  let open = 0;

  async function acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const before = last;
    const { ended, end } = turnOf();
    last = ended;
    open += 1;
    void ended.then(() => (open -= 1));
    try {
      await untilTurn(before, signal);
    } catch (error) {
      // Those behind wait for those before, not for one who gave up.
      void before.then(end);
      throw error;
    }
    return end;
  }

  return {
    acquire,
    turns: () => open,
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

function turnOf(): { ended: Promise<void>; end: () => void } {
  const turn = new AbortController();
  const ended = new Promise<void>((resolve) => {
    turn.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  return { ended, end: () => turn.abort() };
}

async function untilTurn(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    void turn.then(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
      return undefined;
    });
  });
}
