// Trains one adapter for each user, as OPPU does (arXiv 2402.04401): on the items before the first query; all queries use it.
import { vectorVersion } from '../../embedder/text-chunks.ts';
import type { HistoryItem, ItemVectors } from '../../history/history-item.ts';
import { inMemoryHistory } from '../../history/in-memory-history.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { sha256Hex } from '../../model-package/sha256.ts';
import type { TrainingOutcome } from '../../adapter/training-run.ts';
import { runTraining } from '../../tuning/job/run-training.ts';
import type { TrainingParts } from '../../tuning/job/open-training.ts';
import { needsVectors } from '../../tuning/personal-items.ts';
import type { AdapterBase } from '../../adapter/adapter-kind.ts';
import { checkTrainingOptions } from '../../adapter/training-options.ts';
import { type EvaluationModels, mainLanguageModel, mainPlug } from '../evaluation-models.ts';
import type { UserSession } from '../method.ts';
import type { TrainedAdapter } from './trained-adapter.ts';
import type { Trainer } from './trainer.ts';

/** Which adapter is trained, and which rows stand in the prompt while it is. */
export interface AdapterChoice {
  readonly kind: AdapterKind;
  readonly base: AdapterBase;
  /** Whose items it is trained on; another user's for the control. @defaultValue 'own' */
  readonly of?: 'own' | 'sameTaskControl';
}

/** Why these models cannot train the adapter, in words for a message; null where they can. */
export function whyUntrainable(
  { trainer, plugs, languageModels }: EvaluationModels,
  { kind, base }: AdapterChoice,
): string | null {
  if (trainer === undefined) return 'it trains an adapter, and the evaluation has no trainer';
  const model = languageModels.get(mainLanguageModel)?.model;
  // A soft prompt is rows of input embeddings, which every language model takes.
  if (kind !== 'prompt' && model?.adapterKinds?.includes(kind) === false)
    return `the graph of ${model.name} has no inputs for a ${kind} adapter; export it again with training/`;
  const plug = plugs.get(mainPlug);
  const rows = base === 'persona' ? plug?.personaRows : plug?.instructionRows;
  return kind === 'prompt' && rows === 0 ? `it changes the ${base} rows, and the plug has none` : null;
}

/** The items before the first query, which are trained on. Another user's items that hold the input of a query are left out, since they hold its answer. */
function itemsOf({ user, sameTaskControl }: UserSession, of: AdapterChoice['of']): readonly HistoryItem[] {
  if (of !== 'sameTaskControl') return user.queries[0]?.history ?? [];
  const asked = new Set(user.queries.map(({ input }) => input));
  return (sameTaskControl?.queries[0]?.history ?? []).filter(({ input }) => !asked.has(input));
}

/**
 * Trains on a user's items before the first query, or on another user's, or takes the adapter from the trainer's cache.
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
    throw new PersonaPlugError(
      'model-missing',
      'The evaluation has no trainer. Give createEvaluationModels one, or leave out the methods that train.',
    );
  }
  const options = checkTrainingOptions({ kind, seed });
  const parts = await jobParts(models, trainer);
  const { plug, languageModel } = parts;
  const items = itemsOf(session, of);
  const { fingerprint, backend, dim } = models.embedder.identity;
  const key = await sha256Hex(
    JSON.stringify([3, task.task, base, options, plug.fingerprint, languageModel, fingerprint, backend, items]),
  );
  const known = await trainer.cache.get(key);
  if (known !== null) return known;

  await using store = inMemoryHistory();
  for (const item of items) {
    const none = new Float32Array(0);
    const [input, output] = needsVectors(base, plug)
      ? [await embed(models, item.input, signal), await embed(models, item.output, signal)]
      : [none, none];
    const vectors: ItemVectors = { embedder: fingerprint, version: vectorVersion, backend, dim, input, output };
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
    // Only the error about too few items has their number in its details.
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
    if (end?.type === 'ready') {
      const { startLoss, loss } = end.result;
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

async function jobParts(models: EvaluationModels, { gradients }: Trainer): Promise<Omit<TrainingParts, 'store'>> {
  const plug = models.plugs.get(mainPlug);
  const measured = models.languageModels.get(mainLanguageModel);
  if (plug === undefined || measured === undefined) {
    throw new PersonaPlugError('internal', 'The evaluation has no main plug or language model to train with.');
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
