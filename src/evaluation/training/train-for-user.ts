// One adapter a user, as OPPU trains it (arXiv 2402.04401): on what lies before her first query, then used for all of them.
import type { HistoryItem, ItemVectors } from '../../history/history-item.ts';
import { inMemoryHistory } from '../../history/in-memory-history.ts';
import type { AdapterKind } from '../../adapter/adapter-record.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { sha256Hex } from '../../model-package/sha256.ts';
import { runTraining, type TrainingOutcome } from '../../tuning/job/training-job.ts';
import type { TrainingJobParts } from '../../tuning/job/training-run.ts';
import { needsVectors, type AdapterBase } from '../../tuning/personal-items.ts';
import { checkTrainingOptions } from '../../adapter/training-options.ts';
import { type EvaluationModels, mainLanguageModel, mainPlug } from '../evaluation-models.ts';
import type { UserSession } from '../method.ts';
import type { TrainedAdapter } from './trained-adapter.ts';
import type { Trainer } from './trainer.ts';

/** What is trained, and what stands in the persona's place meanwhile. */
export interface AdapterChoice {
  readonly kind: AdapterKind;
  readonly base: AdapterBase;
  /** Whose items: `sameTaskControl` is the control, another user's. @defaultValue 'own' */
  readonly of?: 'own' | 'sameTaskControl';
}

/** Why a models cannot train this, for people; null where it can. */
export function whyUntrainable(
  { trainer, plugs, languageModels }: EvaluationModels,
  { kind, base }: AdapterChoice,
): string | null {
  if (trainer === undefined) return 'it trains, and the models was made without a trainer';
  const model = languageModels.get(mainLanguageModel)?.model;
  // A prompt is rows, which every language model takes.
  if (kind !== 'prompt' && model?.adapterKinds?.includes(kind) === false)
    return `the graph of ${model.name} has no inputs for a ${kind} adapter; export it again with training/`;
  const plug = plugs.get(mainPlug);
  const rows = base === 'persona' ? plug?.personaRows : plug?.instructionRows;
  return kind === 'prompt' && rows === 0 ? `it changes the ${base} rows, and the plug has none` : null;
}

/** What is trained on: what lies before the first query. Her sameTaskControl's items never hold an answer that she is asked for. */
function itemsOf({ user, sameTaskControl }: UserSession, of: AdapterChoice['of']): readonly HistoryItem[] {
  if (of !== 'sameTaskControl') return user.queries[0]?.history ?? [];
  const asked = new Set(user.queries.map(({ input }) => input));
  return (sameTaskControl?.queries[0]?.history ?? []).filter(({ input }) => !asked.has(input));
}

/**
 * Trains on a user's items before her first query (or on her sameTaskControl's), or takes what the trainer keeps of it.
 *
 * @throws PersonaPlugError `model-missing` without a trainer, `model-mismatch` for quantised weights, `runtime-failed`; or
 * `signal.reason`.
 */
export async function trainForUser(
  session: UserSession,
  { kind, base, of }: AdapterChoice,
  signal: AbortSignal,
): Promise<TrainedAdapter> {
  const { models, task, seed } = session;
  const { trainer } = models;
  if (trainer === undefined) {
    throw new PersonaPlugError('model-missing', 'The models cannot train. Make it with a trainer.');
  }
  const options = checkTrainingOptions({ kind, seed });
  const parts = await jobParts(models, trainer);
  const { plug, languageModel } = parts;
  const items = itemsOf(session, of);
  const { fingerprint, backend, dim } = models.embedder.identity;
  const key = await sha256Hex(
    JSON.stringify([2, task.task, base, options, plug.fingerprint, languageModel, fingerprint, backend, items]),
  );
  const known = await trainer.cache.get(key);
  if (known !== null) return known;

  await using store = inMemoryHistory();
  for (const item of items) {
    const none = new Float32Array(0);
    const [input, output] = needsVectors(base, plug)
      ? [await embed(models, item.input, signal), await embed(models, item.output, signal)]
      : [none, none];
    const vectors: ItemVectors = { embedder: fingerprint, backend, dim, input, output };
    await store.put([{ item, vectors }], { signal });
  }
  const started = performance.now();
  let [outcome, steps]: [TrainingOutcome | null, number] = [null, 0];
  try {
    for await (const event of runTraining({ ...parts, store }, { task: task.task, base, options }, { signal })) {
      if (event.type === 'step') steps = event.step;
      if (event.type === 'end') outcome = event.outcome;
    }
  } catch (error) {
    // The one refusal that tells of items: there are too few.
    const isTooFew = PersonaPlugError.isInstance(error) && typeof error.details['items'] === 'number';
    if (!isTooFew) throw error;
  }
  const seconds = (performance.now() - started) / 1000;
  const trained = { ...(await resultOf(outcome)), items: items.length, steps, seconds };
  await trainer.cache.put(key, trained);
  return trained;

  async function resultOf(
    end: TrainingOutcome | null,
  ): Promise<Pick<TrainedAdapter, 'result' | 'record' | 'startLoss' | 'loss'>> {
    if (end?.type === 'done') {
      const { startLoss, loss } = end.description;
      return { result: 'kept', record: await store.adapter(task.task, kind), startLoss, loss };
    }
    const startLoss = end?.type === 'no-gain' ? end.startLoss : null;
    return { result: end === null ? 'too-few-items' : 'no-gain', record: null, startLoss, loss: null };
  }
}

async function embed(
  { embedder }: EvaluationModels,
  text: string,
  signal: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  return await embedder.embed(text, { signal });
}

async function jobParts(models: EvaluationModels, { gradients }: Trainer): Promise<Omit<TrainingJobParts, 'store'>> {
  const plug = models.plugs.get(mainPlug);
  const measured = models.languageModels.get(mainLanguageModel);
  if (plug === undefined || measured === undefined) {
    throw new PersonaPlugError('internal', 'A models without its main models was asked to train.');
  }
  const { model, promptTemplate } = measured;
  return {
    plug,
    promptTemplate,
    weights: await gradients.weights(),
    languageModel: model.fingerprint,
    tasks: models.tasks,
    tokenizer: model.tokenizer,
    endToken: model.endTokens[0] ?? 0,
    createModel: async (loraScale) => await gradients.model(loraScale),
  };
}
