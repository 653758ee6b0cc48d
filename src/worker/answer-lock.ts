// While an answer is written, in any tab, trainings wait. A Web Lock tells of the answer: it is released with its worker, however that
// ends, and it is shared, so that answers never wait for each other.

const name = 'persona-plug/answer';

/** Milliseconds between two looks. Asking for the lock instead would make later answers wait for the earlier ones. */
const pollInterval = 50;

/** Does `work` while trainings wait. */
export async function whileAnswering<T>(locks: LockManager | null, work: () => Promise<T>): Promise<T> {
  if (locks === null) return await work();
  // The platform's types promise less than it does: what the callback's promise gives.
  return await locks.request(name, { mode: 'shared' }, async () => await work());
}

/** Resolves when no answer is written, or a signal is aborted. */
export async function untilNoAnswer(locks: LockManager, ...signals: AbortSignal[]): Promise<void> {
  while (!signals.some(({ aborted }) => aborted)) {
    const { held = [] } = await locks.query();
    if (!held.some((lock) => lock.name === name)) return;
    await new Promise((resolve) => setTimeout(resolve, pollInterval));
  }
}
