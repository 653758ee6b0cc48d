// The adapter that was trained on a user's items of a task, where the runtime can take one.
import type { HistoryStore } from '../history/history-store.ts';
import type { LanguageModel, WeightAdapter } from '../language-model/language-model.ts';
import { parseTuningDescription } from '../tuning/tuning-description.ts';
import { readWeightAdapter } from '../tuning/weight-adapter.ts';
import type { GenerateRequest } from './personalizer.ts';

export interface TunedAdapterParts {
  readonly store: HistoryStore;
  readonly languageModel: Pick<LanguageModel, 'fingerprint' | 'useAdapter'>;
}

/** Null where there is none, or it was trained for another language model. */
export async function tunedAdapter(
  { store, languageModel }: TunedAdapterParts,
  request: GenerateRequest,
): Promise<WeightAdapter | null> {
  if (request.tuning === 'none' || languageModel.useAdapter === undefined) return null;
  const record = await store.tuning(request.task, 'lora');
  if (record === null) return null;
  const { languageModel: trainedFor } = parseTuningDescription(record.description);
  return trainedFor === languageModel.fingerprint ? readWeightAdapter(record) : null;
}
