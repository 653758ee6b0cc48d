// The page's end of a training: events to read, and two ways to end it.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { TrainingJobEvent } from '../../tuning/job/training-job.ts';
import type { TrainingRequest, TrainingResumption, TrainingRetraining } from '../../tuning/job/training-run.ts';
import { EventQueue } from '../event-queue.ts';
import { fromRemoteError } from '../remote-error.ts';
import { readTrainingReply, type TrainingCommand, type TrainingPlace, wrapTraining } from './training-protocol.ts';

/**
 * A training that runs in a worker. Its events are read by `for await`, once. Leaving the loop pauses it, and waits until its place
 * is kept.
 */
export interface TrainingJob extends AsyncIterable<TrainingJobEvent> {
  /** Ends with the outcome `paused` after the present step; `resume` goes on from there, also in another tab. */
  pause(): void;
}

export interface StartTrainingOptions {
  /** Gives the training up: nothing of it is left, and reading throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** `pause`: hidden, the tab keeps the training's place and stops, as `pause()` does. @defaultValue 'continue' */
  readonly whenHidden?: 'continue' | 'pause';
}

/** Milliseconds that leaving the loop waits for the worker to keep its place: a step takes a tenth of a second or a few. */
const pauseTimeout = 10_000;

/**
 * Starts or resumes a training. The worker is the application's, its file calls `serveTrainingWorker()`; a tab that is closed leaves
 * the last checkpoint.
 *
 * Reading throws PersonaPlugError `invalid-argument` (too few items, bad options), `not-found` (nothing to resume), `model-mismatch`,
 * `storage-blocked` (another tab trains), `memory-insufficient`, `closed` (an item was forgotten, or the worker died), `runtime-failed`, or `signal.reason`.
 *
 * @example
 * ```ts
 * const worker = new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' });
 * const request = { task: 'news_headline', options: { kind: 'prompt' } } as const;
 * for await (const event of startTraining(worker, { models: '/models/' }, request)) {
 *   if (event.type === 'step') console.log(event.step, event.steps, event.loss, event.millisecondsLeft);
 * }
 * ```
 */
export function startTraining(
  worker: Worker,
  place: TrainingPlace,
  request: TrainingRequest | TrainingResumption | TrainingRetraining,
  { signal, whenHidden = 'continue' }: StartTrainingOptions = {},
): TrainingJob {
  signal?.throwIfAborted();
  const events = new EventQueue<TrainingJobEvent>();
  const listening = new AbortController();
  const finish = (end: () => void): void => {
    listening.abort();
    end();
  };
  const post = (command: TrainingCommand): void => worker.postMessage(wrapTraining(command), []);
  const once = { signal: listening.signal };
  worker.addEventListener(
    'message',
    ({ data }) => {
      const reply = readTrainingReply(data);
      if (reply?.type === 'event') events.push(reply.event);
      else if (reply?.type === 'end') finish(() => events.end());
      else if (reply?.type === 'error') finish(() => events.fail(fromRemoteError(reply.error, signal)));
    },
    once,
  );
  worker.addEventListener('error', (event) => finish(() => events.fail(workerError(event))), once);
  const pauseWhenHidden = (): void => {
    if (document.visibilityState === 'hidden') post({ type: 'pause' });
  };
  if (whenHidden === 'pause') document.addEventListener('visibilitychange', pauseWhenHidden, once);
  signal?.addEventListener('abort', () => post({ type: 'abort' }), once);
  post({ type: 'start', place: { ...place, models: absolute(place.models) }, request });
  if (whenHidden === 'pause') pauseWhenHidden();
  return {
    pause: () => post({ type: 'pause' }),
    async *[Symbol.asyncIterator]() {
      try {
        yield* events;
      } finally {
        if (!listening.signal.aborted) {
          post({ type: 'pause' });
          await untilAborted(listening.signal, pauseTimeout);
        }
      }
    },
  };
}

function workerError({ message }: ErrorEvent): PersonaPlugError {
  // A script that cannot be loaded, or that the policy blocks, comes without a word.
  const reason = message === undefined || message === '' ? 'its script could not be loaded' : message;
  return new PersonaPlugError(
    'closed',
    `The training worker died: ${reason}. Reload the page; what was kept can be resumed.`,
  );
}

async function untilAborted(signal: AbortSignal, milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** A path means the page's address, not the worker's. */
function absolute(models: string): string {
  return new URL(models.endsWith('/') ? models : `${models}/`, document.baseURI).href;
}
