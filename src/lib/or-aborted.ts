// A queue for the requests of an engine, which has one KV cache and so runs one request at a time.

/** Gives callers their turns, one after another. */
export interface SerialQueue {
  /** Waits for the caller's turn, and gives the function that ends it. Rejects with `signal.reason` while waiting. */
  enter(signal?: AbortSignal): Promise<() => void>;
}

export function createSerialQueue(): SerialQueue {
  let last: Promise<void> = Promise.resolve();
  return {
    async enter(signal) {
      const previous = last;
      let end: () => void = noTurnYet;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      last = previous.then(() => ended);
      try {
        await orAborted(previous, signal);
      } catch (reason) {
        end();
        throw reason;
      }
      return end;
    },
  };
}

/** The promise, or `signal.reason` as soon as the signal is aborted. The promise itself goes on. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return await promise;
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function noTurnYet(): void {}
