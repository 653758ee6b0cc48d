// What an engine is made of, and what each step of an answer is given. All of it is injected: the same engine runs over IndexedDB in a
// worker and over memory in Node.
import type { Embedder } from '../embedder/embedder.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import type { WeightAdapter } from '../adapter/weight-adapter.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import type { Plug } from '../persona/plug.ts';
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts';
import { createItemEmbedder, type ItemEmbedder } from './item-embedder.ts';
import { createMutex, type Mutex } from '../lib/mutex.ts';

export interface EngineParts {
  readonly store: HistoryStore;
  readonly embedder: Embedder;
  readonly languageModel: LanguageModel;
  readonly plug: Plug;
  /** From the language model's manifest. */
  readonly promptTemplate: readonly PromptTemplatePart[];
  /** @defaultValue the shipped tasks */
  readonly tasks?: TaskRegistry;
  /** The time of day in milliseconds since 1970, for the ages of items. @defaultValue `Date.now` */
  readonly clock?: () => number;
  /** Milliseconds of a clock that never jumps, for durations. @defaultValue `performance.now` */
  readonly stopwatch?: () => number;
}

/** The parts of a running engine. */
export interface EngineContext extends Required<Omit<EngineParts, 'embedder'>> {
  readonly embed: ItemEmbedder;
  /** Held for a whole answer: a language model has one KV cache. */
  readonly answerTurn: Mutex;
  /** Sets the weights' change of the task's answers, null for none. Only while the turn is held. */
  readonly setAdapter: (task: string, adapter: WeightAdapter | null) => Promise<void>;
}

export function createEngineContext({ embedder, ...parts }: EngineParts): EngineContext {
  const { languageModel, tasks = createTaskRegistry(), clock = Date.now } = parts;
  const stopwatch = parts.stopwatch ?? (() => performance.now());
  return {
    ...parts,
    tasks,
    clock,
    stopwatch,
    embed: createItemEmbedder(embedder, createMutex(), stopwatch),
    answerTurn: createMutex(),
    setAdapter: async (_task, adapter) => await languageModel.useAdapter?.(adapter),
  };
}
