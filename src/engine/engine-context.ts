// What an engine is made of. All of it is injected: the same engine runs over IndexedDB in a worker and over memory in Node.
import type { Embedder } from '../embedder/embedder.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import type { Plug } from '../persona/plug.ts';
import type { TaskRegistry } from '../tasks/task-registry.ts';

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
