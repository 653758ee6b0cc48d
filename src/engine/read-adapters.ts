// What was trained on a user's items of a task and can have a part in an answer.
import type { AdapterKind } from '../adapter/adapter-kind.ts';
import { type AdapterRecord, readAdapter } from '../adapter/adapter-record.ts';
import { readPrompt, type SoftPrompt } from '../adapter/soft-prompt.ts';
import { readWeightAdapter, type WeightAdapter } from '../adapter/weight-adapter.ts';
import type { EngineContext } from './engine-context.ts';
import type { GenerateRequest } from './personalizer.ts';

export interface TaskAdapters {
  /** Rows that were trained; null where there are none of these models. */
  readonly softPrompt: SoftPrompt | null;
  /** A change of the weights; null where there is none, it was trained for another language model, or the runtime takes none. */
  readonly weights: WeightAdapter | null;
}

/** Reads what is ready. @throws PersonaPlugError `storage-failed` or `model-mismatch` when a stored adapter cannot be read. */
export async function readAdapters(context: EngineContext, { task, adapters }: GenerateRequest): Promise<TaskAdapters> {
  if (adapters === 'none') return { softPrompt: null, weights: null };
  return { softPrompt: await readSoftPrompt(context, task), weights: await readWeights(context, task) };
}

async function readSoftPrompt({ store, plug, languageModel }: EngineContext, task: string): Promise<SoftPrompt | null> {
  const record = await store.adapter(task, 'prompt');
  if (record === null) return null;
  const { base, ...made } = readAdapter(record);
  const isOfTheseModels = made.plug === plug.fingerprint && made.languageModel === languageModel.fingerprint;
  if (!isOfTheseModels || base === 'none') return null;
  return { base, change: readPrompt(record) };
}

/** Kinds that change weights. They are trained one without the other, so only one of them is used: the one that was trained last. */
const weightKinds = ['lora', 'ia3'] as const satisfies readonly AdapterKind[];

async function readWeights({ store, languageModel }: EngineContext, task: string): Promise<WeightAdapter | null> {
  if (languageModel.useAdapter === undefined) return null;
  let last: { readonly record: AdapterRecord; readonly finishedAt: number } | null = null;
  for (const kind of weightKinds) {
    const record = await store.adapter(task, kind);
    if (record === null) continue;
    const { languageModel: trainedFor, result } = readAdapter(record);
    if (result === null || trainedFor !== languageModel.fingerprint) continue;
    if (last === null || result.finishedAt > last.finishedAt) last = { record, finishedAt: result.finishedAt };
  }
  return last === null ? null : readWeightAdapter(last.record);
}
