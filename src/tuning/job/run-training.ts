// A training from start to end: it tells how far it is, can be paused, survives a closed tab, and can be given up so that nothing is
// left. What is kept lies in the history, so it is erased with the items that it was made of.
import { writeResult } from '../../adapter/adapter-record.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { writeSafetensors } from '../../model-package/write-safetensors.ts';
import { stepsDone, train, type TrainingState } from '../train.ts';
import type { AdapterResult } from '../../adapter/adapter.ts';
import type { TrainingEvent, TrainingOutcome } from '../../adapter/training-run.ts';
import type { TrainingOptions } from '../../adapter/training-options.ts';
import {
  checkpointOf,
  type OpenTraining,
  openTraining,
  runGone,
  type TrainingOrder,
  type TrainingParts,
} from './open-training.ts';

export interface TrainingControl {
  /** Gives up: nothing of the run is left. The generator throws `signal.reason`. */
  readonly signal?: AbortSignal;
  /** Keeps the state after the present step and ends with `paused`. */
  readonly pause?: AbortSignal;
  /** Awaited between any two items, e.g. while an answer is written; it should resolve when either signal is aborted. */
  readonly rest?: () => Promise<void>;
}

/**
 * Trains, from the start or from a checkpoint. Who stops pulling leaves the last checkpoint, as a closed tab does.
 *
 * @throws PersonaPlugError `invalid-argument` (too few items, vectors of another embedder, bad options), `not-found` (nothing to
 * resume), `model-mismatch` (it was started with other models), `closed` (an item was forgotten meanwhile), `runtime-failed`,
 * what the store throws; or `signal.reason`.
 */
export async function* runTraining(
  parts: TrainingParts,
  order: TrainingOrder,
  { signal, pause, rest }: TrainingControl = {},
): AsyncGenerator<TrainingEvent, void, void> {
  const { store, stopwatch = () => performance.now(), checkpointInterval = 5_000 } = parts;
  signal?.throwIfAborted();
  const run = await openTraining(parts, order);
  const { record, options, set } = run;
  let { state } = run;
  /** A full disk costs the checkpoint, not the training; only a pause cannot do without one. */
  const keep = async (isNeeded: boolean): Promise<boolean> => {
    try {
      if (await store.keepAdapter(checkpointOf(run, state))) return true;
    } catch (error) {
      if (isNeeded || !(PersonaPlugError.isInstance(error) && error.code === 'storage-quota')) throw error;
      return false;
    }
    throw runGone(record.task);
  };
  /** An item of it may have been forgotten, here or in another tab: it ends then, and not at its next checkpoint. */
  let hasNews = false;
  const unwatch = store.watchAdapters(() => (hasNews = true));
  const assertAlive = async (): Promise<void> => {
    hasNews = false;
    if (!(await store.adapters(record.task)).some((kept) => kept.run === record.run && kept.state === 'running')) {
      throw runGone(record.task);
    }
  };
  try {
    using model = await parts.createModel(loraScale(options));
    let kept = stopwatch();
    const started = { time: stopwatch(), step: stepsDone(state) };
    for await (const { event, state: next } of train(model, set, options, state, { signal, rest })) {
      state = next;
      signal?.throwIfAborted();
      if (hasNews) await assertAlive();
      if (event.type === 'step') yield { ...event, millisecondsLeft: timeLeft(started, event, stopwatch()) };
      else yield event;
      const isPaused = pause?.aborted === true;
      if (isPaused || stopwatch() - kept >= checkpointInterval) {
        const isKept = await keep(isPaused);
        kept = stopwatch();
        if (isKept) yield { type: 'checkpoint', step: stepsDone(state) };
      }
      if (isPaused && !state.isFinished) {
        yield { type: 'end', outcome: { type: 'paused', step: stepsDone(state) } };
        return;
      }
    }
    signal?.throwIfAborted();
    yield { type: 'end', outcome: await finish(parts, run, state) };
  } catch (error) {
    if (signal?.aborted === true) await store.dropAdapters(record.task, record.kind, 'running');
    throw error;
  } finally {
    unwatch();
  }
}

async function finish(
  parts: TrainingParts,
  run: OpenTraining,
  { best, startLoss }: TrainingState,
): Promise<TrainingOutcome> {
  const { record, base, options, set } = run;
  const { store, clock = Date.now } = parts;
  if (best === null || startLoss === null)
    throw new PersonaPlugError('internal', 'A training ended without a measure.');
  if (best.pass === 0) {
    // A stale one that this was to replace goes with it: the question that it asked is answered.
    await store.dropAdapters(record.task, record.kind, 'running', 'stale');
    return { type: 'no-gain', startLoss };
  }
  const result: AdapterResult = {
    trainedItems: set.training.length,
    heldOutItems: set.heldOut.length,
    startLoss,
    loss: best.loss,
    pass: best.pass,
    loraScale: loraScale(options),
    finishedAt: clock(),
  };
  const tensors = writeSafetensors(best.parameters);
  const models = { plug: parts.plug.fingerprint, languageModel: parts.languageModel };
  const description = writeResult({ base, ...models }, result);
  if (!(await store.keepAdapter({ ...record, state: 'ready', description, tensors }))) throw runGone(record.task);
  return { type: 'ready', result };
}

function loraScale({ alpha, rank }: Required<TrainingOptions>): number {
  return alpha / rank;
}

function timeLeft(
  started: { time: number; step: number },
  { step, steps }: { step: number; steps: number },
  now: number,
): number | null {
  const done = step - started.step;
  return done < 2 ? null : ((now - started.time) / done) * (steps - step);
}
