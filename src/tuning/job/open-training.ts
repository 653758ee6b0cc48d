// How a training starts, and how it goes on from what the history keeps of it.
import * as v from 'valibot';
import { vectorVersion } from '../../embedder/text-chunks.ts';
import type { HistoryStore } from '../../history/history-store.ts';
import { type AdapterRecord, readAdapter, writeSettings } from '../../adapter/adapter-record.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { Plug } from '../../persona/plug.ts';
import { createExample } from '../example.ts';
import type { GradientModel } from '../gradient-model.ts';
import type { Parameters } from '../../adapter/parameters.ts';
import type { LlamaWeights } from '../llama-weights.ts';
import { startIa3 } from '../../adapter/ia3.ts';
import { startLora } from '../../adapter/lora.ts';
import { needsVectors, personalItems, type PersonalItemsParts, type TrainableItem } from '../personal-items.ts';
import type { AdapterBase } from '../../adapter/adapter-kind.ts';
import type { TrainingRequest } from '../../adapter/training-run.ts';
import { startPrompt } from '../../adapter/soft-prompt.ts';
import { initialTrainingState, type TrainingSet, type TrainingState } from '../train.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../adapter/training-options.ts';
import { packTraining, trainingNumbersSchema, unpackTraining } from './training-file.ts';

/** What a training is made of. */
export interface TrainingParts extends Omit<PersonalItemsParts, 'task' | 'base'> {
  readonly store: HistoryStore;
  readonly weights: LlamaWeights;
  /** The language model's fingerprint. */
  readonly languageModel: string;
  readonly plug: Plug;
  readonly createModel: (loraScale: number) => Promise<GradientModel>;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: () => number;
  /** Milliseconds of a clock that never jumps. @defaultValue `performance.now` */
  readonly stopwatch?: () => number;
  /** Milliseconds between two checkpoints; 0: after every step. @defaultValue 5000 */
  readonly checkpointInterval?: number;
}

/** What the training worker is told to do: train from scratch, or go on with what was paused or interrupted. */
export type TrainingOrder = TrainingRequest | TrainingResumption;

export interface TrainingResumption {
  readonly task: string;
  readonly resume: AdapterKind;
}

/** Checkpoints of earlier versions also repeat the settings. */
const checkpointSchema = v.object({ version: v.literal(1), numbers: trainingNumbersSchema });

/** One training: what it is, what it goes over, and how far it is. */
export interface OpenTraining {
  readonly record: AdapterRecord;
  readonly base: AdapterBase;
  readonly options: Required<TrainingOptions>;
  readonly set: TrainingSet;
  readonly state: TrainingState;
}

/** @throws PersonaPlugError as `runTraining`. */
export async function openTraining(parts: TrainingParts, order: TrainingOrder): Promise<OpenTraining> {
  if ('resume' in order) return await resumeTraining(parts, order);
  return await startTraining(parts, 'retrain' in order ? await retrainingOf(parts, order) : order);
}

/** Starts a training and keeps its first checkpoint. */
async function startTraining(
  parts: TrainingParts,
  { task, base, options: given }: Extract<TrainingRequest, { options: TrainingOptions }>,
): Promise<OpenTraining> {
  const options = checkTrainingOptions(given);
  const chosen = base ?? 'persona';
  if (options.kind === 'prompt' && chosen === 'none') {
    throw new PersonaPlugError('invalid-argument', 'A personal prompt needs rows to be added to. Choose another base.');
  }
  const items = await readItems(parts, task, chosen, null);
  const set = trainingSet(parts, task, chosen, items, options);
  const state = initialTrainingState(set, startParameters(parts, chosen, options), options);
  const ids = items.map(({ id }) => id);
  const empty: AdapterRecord = {
    task,
    kind: options.kind,
    state: 'running',
    run: crypto.randomUUID(),
    items: ids,
    settings: writeSettings({
      base: chosen,
      plug: parts.plug.fingerprint,
      languageModel: parts.languageModel,
      options,
      startedAt: (parts.clock ?? Date.now)(),
    }),
    description: '',
    tensors: new Uint8Array(0),
  };
  const run: OpenTraining = { record: empty, base: chosen, options, set, state };
  if (!(await parts.store.startAdapter(checkpointOf(run, state)))) throw runGone(task);
  return run;
}

function startParameters(
  { plug, weights }: TrainingParts,
  base: AdapterBase,
  options: Required<TrainingOptions>,
): Parameters {
  if (options.kind === 'prompt') {
    return startPrompt(base === 'persona' ? plug.personaRows : plug.instructionRows, plug.hiddenSize);
  }
  if (options.kind === 'ia3') return startIa3(weights.shape);
  return startLora(weights.shape, options.rank, options.seed);
}

/** What a stored adapter was asked for: to be trained from scratch on what the history holds now. */
async function retrainingOf(
  { store }: TrainingParts,
  { task, retrain }: Extract<TrainingRequest, { retrain: AdapterKind }>,
): Promise<Extract<TrainingRequest, { options: TrainingOptions }>> {
  const ofKind = (await store.adapters(task)).filter(({ kind }) => kind === retrain);
  const record = ofKind.find(({ state }) => state === 'stale') ?? ofKind.find(({ state }) => state === 'ready');
  if (record === undefined) {
    throw new PersonaPlugError(
      'not-found',
      `There is no ${retrain} of "${task}" to train again. Start a training with options of its own.`,
    );
  }
  const { base, options } = readAdapter(record);
  return { task, base, options };
}

/** Finds the checkpoint of a training, and the items that it goes over. */
async function resumeTraining(parts: TrainingParts, { task, resume }: TrainingResumption): Promise<OpenTraining> {
  const record = (await parts.store.adapters(task)).find(({ kind, state }) => kind === resume && state === 'running');
  if (record === undefined) {
    throw new PersonaPlugError(
      'not-found',
      `There is no ${resume} training of "${task}" to go on with. Start one; forgetting or changing an item ends those that know it.`,
    );
  }
  const { base, options, plug, languageModel } = readAdapter(record);
  if (plug !== parts.plug.fingerprint || languageModel !== parts.languageModel) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The training of "${task}" was started with other models (language model ${languageModel}). Start it anew.`,
      { details: { expected: languageModel, found: parts.languageModel } },
    );
  }
  const checkpoint = v.safeParse(v.pipe(v.string(), v.parseJson(), checkpointSchema), record.description);
  if (!checkpoint.success) {
    throw new PersonaPlugError(
      'storage-failed',
      `The kept training of "${task}" cannot be read: ${checkpoint.issues[0].message}. Delete it and start anew.`,
    );
  }
  const items = await readItems(parts, task, base, new Set(record.items));
  const set = trainingSet(parts, task, base, items, options);
  return { record, base, options, set, state: unpackTraining(set, checkpoint.output.numbers, record.tensors) };
}

async function readItems(
  { store, plug }: TrainingParts,
  task: string,
  base: AdapterBase,
  only: ReadonlySet<string> | null,
): Promise<TrainableItem[]> {
  const stored = await store.list(task);
  const none = new Float32Array(0);
  return stored
    .filter(({ item }) => only === null || only.has(item.id))
    .map(({ item, vectors }) => {
      if (!needsVectors(base, plug)) return { ...item, vectors: { input: none, output: none } };
      // Vectors of an older version become current, or are made anew, at the next answer: only the embedder can tell which.
      if (vectors?.embedder === plug.embedder && vectors.version === vectorVersion) return { ...item, vectors };
      throw new PersonaPlugError(
        'invalid-argument',
        `Item ${item.id} of "${task}" has no current vectors of the plug's embedder. Ask for one answer first: that embeds the history anew.`,
        { details: { item: item.id } },
      );
    });
}

function trainingSet(
  parts: TrainingParts,
  task: string,
  base: AdapterBase,
  items: readonly TrainableItem[],
  options: Required<TrainingOptions>,
): TrainingSet {
  const { training, heldOut, source } = personalItems(items, { ...parts, task, base }, options);
  return { training, heldOut, example: (id) => createExample(parts.weights, source(id)) };
}

/** What the history keeps of a training. */
export function checkpointOf({ record, set }: OpenTraining, state: TrainingState): AdapterRecord {
  const { numbers, tensors } = packTraining(set, state);
  const description = JSON.stringify({ version: 1, numbers } satisfies v.InferInput<typeof checkpointSchema>);
  return { ...record, state: 'running', description, tensors };
}

export function runGone(task: string): PersonaPlugError {
  return new PersonaPlugError(
    'closed',
    `The training of "${task}" has ended: an item of it was forgotten or changed, or it was given up or started elsewhere. Start it anew.`,
    { details: { task } },
  );
}
