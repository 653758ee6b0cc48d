// The adapter that was trained on a user's items of a task, where the runtime can take one.
import type { HistoryStore } from '../history/history-store.ts';
import type { AdapterRecord } from '../adapter/adapter-record.ts';
import type { LanguageModel, WeightAdapter } from '../language-model/language-model.ts';
import { parseAdapterResult } from '../adapter/adapter-result.ts';
import { readWeightAdapter } from '../adapter/weight-adapter.ts';
import type { GenerateRequest } from './personalizer.ts';

export interface TunedAdapterParts {
  readonly store: HistoryStore;
  readonly languageModel: Pick<LanguageModel, 'fingerprint' | 'useAdapter'>;
}

/** Kinds of tuning that change weights. They are trained one without the other, so only one of them is used. */
const adapterKinds = ['lora', 'ia3'] as const;

/** The one that was trained last. Null where there is none, or it was trained for another language model. */
export async function tunedAdapter(
  { store, languageModel }: TunedAdapterParts,
  request: GenerateRequest,
): Promise<WeightAdapter | null> {
  if (request.adapters === 'none' || languageModel.useAdapter === undefined) return null;
  let last: { readonly record: AdapterRecord; readonly finishedAt: number } | null = null;
  for (const kind of adapterKinds) {
    const record = await store.adapter(request.task, kind);
    if (record === null) continue;
    const { languageModel: trainedFor, finishedAt } = parseAdapterResult(record.description);
    if (trainedFor !== languageModel.fingerprint) continue;
    if (last === null || finishedAt > last.finishedAt) last = { record, finishedAt };
  }
  return last === null ? null : readWeightAdapter(last.record);
}
