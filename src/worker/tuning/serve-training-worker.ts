// The worker's side of a training: what an application's two-line worker file calls. Trainings have a worker of their own, because a
// step blocks for a tenth of a second, and answers must not wait for it.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { Task } from '../../tasks/task.ts';
import { untilNoAnswer } from '../answer-lock.ts';
import type { Port } from '../protocol.ts';
import { toRemoteError } from '../remote-error.ts';
import { readTrainingCommand, type TrainingCommand, type TrainingReply, wrapTraining } from './training-protocol.ts';

export interface ServeTrainingWorkerOptions {
  /** Tasks of the application, beside those that ship. */
  readonly tasks?: readonly Task[];
}

type StartCommand = Extract<TrainingCommand, { type: 'start' }>;

/**
 * Serves trainings from a dedicated worker. Call it at the top of the worker's file, before any `await`; the page hands a function
 * that starts the worker to `createPersonalizer` as `trainingWorker`.
 *
 * @example
 * ```ts
 * // training.worker.ts
 * import { serveTrainingWorker } from 'persona-plug/tuning';
 * serveTrainingWorker();
 * ```
 */
export function serveTrainingWorker(options: ServeTrainingWorkerOptions = {}): void {
  const port = dedicatedScope();
  let running: { readonly pause: AbortController; readonly abort: AbortController } | null = null;
  const post = (reply: TrainingReply): void => port.postMessage(wrapTraining(reply), []);

  async function start(command: StartCommand): Promise<void> {
    if (running !== null) {
      const busy = new PersonaPlugError(
        'invalid-argument',
        'This worker trains already. Pause that training first, or wait for its end.',
      );
      post({ type: 'error', error: toRemoteError(busy, false) });
      return;
    }
    const controls = { pause: new AbortController(), abort: new AbortController() };
    running = controls;
    try {
      await withLock(command, async () => await run(command, controls, options, post));
      post({ type: 'end' });
    } catch (error) {
      const { signal } = controls.abort;
      post({ type: 'error', error: toRemoteError(error, signal.aborted && error === signal.reason) });
    } finally {
      running = null;
    }
  }

  port.addEventListener('message', (event) => {
    const command = readTrainingCommand(event.data);
    if (command === null) return;
    if (command.type === 'start') void start(command);
    else if (command.type === 'pause') running?.pause.abort();
    else running?.abort.abort(new DOMException('Given up by the page.', 'AbortError'));
  });
}

async function run(
  { place, order }: StartCommand,
  { pause, abort }: { readonly pause: AbortController; readonly abort: AbortController },
  options: ServeTrainingWorkerOptions,
  post: (reply: TrainingReply) => void,
): Promise<void> {
  const { signal } = abort;
  // Loaded when first needed: a bundler puts them into chunks of their own.
  const [{ openHistory }, { createUrlModelSource }, { loadTraining }, { runTraining }] = await Promise.all([
    import('../../history/open-history.ts'),
    import('../../model-package/url-model-source.ts'),
    import('../../tuning/job/load-training.ts'),
    import('../../tuning/job/run-training.ts'),
  ]);
  await using store = await openHistory({ name: place.storageName });
  // Given up while the model loads: `runTraining` has not begun, so the checkpoint that it would go on with is removed here.
  const dropKept = async (): Promise<void> => {
    if ('resume' in order) await store.dropAdapters(order.task, order.resume, 'running');
  };
  const parts = await loadTraining(createUrlModelSource(place.models), store, {
    signal,
    tasks: options.tasks ?? [],
    packages: place.packages,
    ...(place.device === undefined ? {} : { device: place.device }),
    ...(place.memoryLimit === undefined ? {} : { memoryLimit: place.memoryLimit }),
  }).catch(async (error: unknown) => {
    if (signal.aborted) await dropKept();
    throw error;
  });
  const { checkpointInterval } = place;
  const timed = checkpointInterval === undefined ? parts : { ...parts, checkpointInterval };
  const control = {
    signal,
    pause: pause.signal,
    rest: async () => await untilNoAnswer(navigator.locks, signal, pause.signal),
  };
  for await (const event of runTraining(timed, order, control)) post({ type: 'event', event });
}

/** Two trainings of one history would take the checkpoints from each other. A lock ends with its tab, however that ends. */
async function withLock({ place }: StartCommand, work: () => Promise<void>): Promise<void> {
  const name = `persona-plug/tuning/${place.storageName}`;
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) {
      throw new PersonaPlugError(
        'storage-blocked',
        `Another tab trains on the history "${place.storageName}". Pause it there, or wait for its end.`,
      );
    }
    await work();
  });
}

/** The border: in a dedicated worker the global scope itself is the port to the page. */
function dedicatedScope(): Port {
  const scope: unknown = globalThis;
  return scope as Port;
}
