// The engine as the evaluation uses it: an in-memory history that is set as a whole, and scores instead of streams.
import { createEngineContext } from '../engine/engine-context.ts';
import type { GenerateRequest } from '../engine/personalizer.ts';
import { scoreAnswer, type ScoredAnswer, type ScoreOptions } from '../engine/score-answer.ts';
import type { HistoryItem } from '../history/history-item.ts';
import type { HistoryStore } from '../history/history-store.ts';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import type { Plug } from '../persona/plug.ts';
import { type EvaluationModels, mainLanguageModel, type MeasuredLanguageModel } from './evaluation-models.ts';

export interface ScoringEngine {
  /** Replaces the history by exactly these items. Each is embedded once. */
  setHistory(items: readonly HistoryItem[], signal: AbortSignal): Promise<void>;
  score(request: GenerateRequest, output: string, options: ScoringOptions): Promise<ScoredAnswer>;
}

export interface ScoringOptions extends ScoreOptions {
  /** The adapter that was trained on the user. @defaultValue none */
  readonly adapter?: AdapterRecord | null;
}

export interface ScoringEngineOptions {
  /** @defaultValue the main plug */
  readonly plug: string;
  /** @defaultValue the main language model */
  readonly languageModel?: string;
}

/** Makes an engine with an empty history over these models. */
export function createScoringEngine(
  models: EvaluationModels,
  { plug: plugName, languageModel: modelName = mainLanguageModel }: ScoringEngineOptions,
): ScoringEngine {
  const plug = packageOf<Plug>(models.plugs, plugName);
  const { model, promptTemplate } = packageOf<MeasuredLanguageModel>(models.languageModels, modelName);
  const store = inMemoryHistory();
  const context = createEngineContext({
    store,
    plug,
    embedder: models.embedder,
    languageModel: model,
    promptTemplate,
    tasks: models.tasks,
    // Used only where neither the query nor an item has a date, and undated items have no age: two runs give equal numbers.
    clock: () => 0,
  });
  const { embed } = context;
  let held = new Map<string, HistoryItem>();
  return {
    async setHistory(items, signal) {
      const wanted = new Set(items.map(({ id }) => id));
      for (const id of held.keys()) if (!wanted.has(id)) await store.delete(id);
      // Ids are not enough to compare by: profiles without ids are numbered, so that another user's first item has the same id.
      const kept = items.filter((item) => isSame(item, held.get(item.id)));
      const added = items.filter((item) => !kept.includes(item));
      held = new Map(kept.map((item) => [item.id, item]));
      for (const item of added) {
        await store.put([{ item, vectors: await embed.item(item, signal) }], { signal });
        held.set(item.id, item);
        // Embedding on wasm blocks the event loop: without this, not even Ctrl-C is handled.
        await yieldToEventLoop();
        signal.throwIfAborted();
      }
    },
    async score(request, output, { adapter = null, ...options }) {
      // The adapter is not stored in the history, where it would be erased with any item that it was trained on.
      const withAdapter: HistoryStore = {
        ...store,
        adapter: async (task, kind) => (adapter?.task === task && adapter.kind === kind ? adapter : null),
      };
      return await scoreAnswer({ ...context, store: withAdapter }, request, output, options);
    },
  };
}

function packageOf<T>(parts: ReadonlyMap<string, T>, name: string): T {
  const part = parts.get(name);
  if (part === undefined) {
    throw new PersonaPlugError(
      'model-missing',
      `The evaluation has no package "${name}". Load it, or leave the method out.`,
    );
  }
  return part;
}

function isSame(item: HistoryItem, other: HistoryItem | undefined): boolean {
  return item.date === other?.date && item.input === other.input && item.output === other.output;
}
