// Which adapter the language model's weights hold, and taking it out when an item that it was made of is forgotten: not at the next
// answer, which may never come, and also when another tab forgot the item.
import type { WeightAdapter } from '../adapter/weight-adapter.ts';
import type { EngineContext } from './engine-context.ts';

export interface AdapterInUse extends Disposable {
  /** Sets the adapter of a task's answers, null for none. Only while the turn is held. */
  readonly set: EngineContext['setAdapter'];
  /**
   * Takes out an adapter that is not stored any more. While an answer is being written it resolves at once: the answer ends as it
   * began, and the adapter goes before anything else gets its turn.
   */
  removeForgotten(): Promise<void>;
}

/** Watches the history until it is disposed of. */
export function adapterInUse({
  store,
  languageModel: { useAdapter },
  answerTurn,
}: Pick<EngineContext, 'store' | 'languageModel' | 'answerTurn'>): AdapterInUse {
  if (useAdapter === undefined) {
    return { set: async () => undefined, removeForgotten: async () => undefined, [Symbol.dispose]: () => undefined };
  }
  let used: { readonly task: string; readonly adapter: WeightAdapter } | null = null;
  let ownTurns = 0;

  async function removeUnlessStored(): Promise<void> {
    try {
      if (used === null) return;
      const { task, adapter } = used;
      if ((await store.adapter(task, adapter.kind))?.run === adapter.id) return;
      await useAdapter?.(null);
      used = null;
    } catch {
      // What was forgotten is forgotten. The next answer sets its own adapter, or fails with this reason.
    }
  }

  async function removeForgotten(): Promise<void> {
    const isWriting = answerTurn.turns() > ownTurns;
    // An answer that has read its adapter may set it after this.
    if (used === null && !isWriting) return;
    ownTurns += 1;
    const removed = answerTurn.run(removeUnlessStored).finally(() => (ownTurns -= 1));
    if (!isWriting) await removed;
  }

  const unwatch = store.watchAdapters(() => void removeForgotten());
  return {
    async set(task, adapter) {
      // Before it is set: one that failed half-way is there to be taken out, too.
      if (adapter !== null) used = { task, adapter };
      await useAdapter(adapter);
      if (adapter === null) used = null;
    },
    removeForgotten,
    [Symbol.dispose]: unwatch,
  };
}
