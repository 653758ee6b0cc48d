// What an engine takes where its options say nothing: page and workers must mean the same.
import type { EngineOptions } from './personalizer.ts';

/** The name of the history's database. */
export function storageNameOf({ storageName = 'persona-plug' }: Pick<EngineOptions, 'storageName'>): string {
  return storageName;
}

/** The names of the model packages. */
export function packageNamesOf({
  packages = {},
}: Pick<EngineOptions, 'packages'>): Required<NonNullable<EngineOptions['packages']>> {
  return { embedder: 'all-minilm-l6-v2', languageModel: 'nano-llm', plug: 'plug', ...packages };
}
