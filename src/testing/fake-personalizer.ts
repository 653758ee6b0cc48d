// The whole engine over fakes and an in-memory history, for unit tests of applications that use a Personalizer.
import { createEngine } from '../engine/create-engine.ts';
import type { EngineParts } from '../engine/engine-context.ts';
import type { Personalizer } from '../engine/personalizer.ts';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { hashEmbedder } from './hash-embedder.ts';
import { randomPlug } from './random-plug.ts';
import { scriptedLanguageModel, scriptedPromptTemplate } from './scripted-language-model.ts';

/** Parts of an engine without any model; a test replaces those that it is about. */
export function fakeEngineParts(replaced: Partial<EngineParts> = {}): EngineParts {
  const embedder = replaced.embedder ?? hashEmbedder();
  const languageModel = replaced.languageModel ?? scriptedLanguageModel();
  const plug = randomPlug({
    embedder: embedder.identity.fingerprint,
    languageModel: languageModel.fingerprint,
    dim: embedder.identity.dim,
    hiddenSize: languageModel.hiddenSize,
  });
  return {
    store: inMemoryHistory(),
    plug,
    promptTemplate: scriptedPromptTemplate,
    clock: () => Date.UTC(2026, 0, 1),
    ...replaced,
    embedder,
    languageModel,
  };
}

/**
 * A Personalizer that needs no models and no browser.
 *
 * @example
 * ```ts
 * const me = fakePersonalizer({ languageModel: scriptedLanguageModel({ answer: () => 'A headline' }) });
 * ```
 */
export function fakePersonalizer(replaced: Partial<EngineParts> = {}): Personalizer {
  return createEngine(fakeEngineParts(replaced));
}
