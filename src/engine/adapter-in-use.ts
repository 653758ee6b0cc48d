// Takes personal weights out of the language model when an item that they were made of is forgotten: not at the next answer, which may
// never come, and also when another tab forgot it.
import type { HistoryStore } from '../history/history-store.ts';
import type { LanguageModel, WeightAdapter } from '../language-model/language-model.ts';
import type { Mutex } from './mutex.ts';

export interface WeightsInUse extends Disposable {
  /** The model, which remembers what adapter it was given. */
  readonly languageModel: LanguageModel;
  /**
   * Takes the adapter out whose tuning is gone. While an answer is being written it resolves at once: the answer ends as it began,
   * and the adapter goes before anything else gets its turn.
   */
  removeForgottenAdapter(): Promise<void>;
}

export interface WeightsInUseParts {
  readonly store: HistoryStore;
  readonly languageModel: LanguageModel;
  /** Held while an answer is written. */
  readonly answerTurn: Mutex;
}

/** Watches the history until it is disposed of. */
export function weightsInUse({ store, languageModel, answerTurn }: WeightsInUseParts): WeightsInUse {
  const { useAdapter } = languageModel;
  if (useAdapter === undefined) {
    return { languageModel, removeForgottenAdapter: async () => undefined, [Symbol.dispose]: () => undefined };
  }
  let used: WeightAdapter | null = null;
  let ownTurns = 0;

  async function takeOut(): Promise<void> {
    try {
      if (used === null || (await areStored(store, [used.id]))) return;
      await useAdapter?.(null);
      used = null;
    } catch {
      // What was forgotten is forgotten. The next answer sets its own adapter, or fails with this reason.
    }
  }

  async function removeForgottenAdapter(): Promise<void> {
    if (used === null) return;
    const isWriting = answerTurn.turns() > ownTurns;
    ownTurns += 1;
    const taken = answerTurn.run(takeOut).finally(() => (ownTurns -= 1));
    if (!isWriting) await taken;
  }

  const unwatch = store.watchAdapters(() => void removeForgottenAdapter());
  return {
    languageModel: {
      ...languageModel,
      async useAdapter(adapter) {
        // Before it is set: one that failed half-way is there to be taken out, too.
        used = adapter ?? used;
        await useAdapter(adapter);
        used = adapter;
      },
    },
    removeForgottenAdapter,
    [Symbol.dispose]: unwatch,
  };
}

/** Whether adapters, by their runs, are still there to be used. */
export async function areStored(store: Pick<HistoryStore, 'adapters'>, runs: readonly string[]): Promise<boolean> {
  if (runs.length === 0) return true;
  const done = (await store.adapters()).filter(({ state }) => state === 'done').map(({ run }) => run);
  return runs.every((run) => done.includes(run));
}
