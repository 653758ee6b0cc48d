// The trainings of a page, as far as every page loads them: the client of the training worker comes with the first one.
import { refusedRun, runWithoutWorker, type TrainingRun, type TrainingRunOptions } from '../../adapter/training-run.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { TrainingOrder } from '../../tuning/job/open-training.ts';
import type { TrainingClient } from './training-client.ts';
import type { TrainingPlace } from './training-protocol.ts';

export interface PageTrainings extends Disposable {
  start(order: TrainingOrder, options?: TrainingRunOptions): TrainingRun;
  /** Pauses the training that is under way. */
  pause(): void;
}

/** `createWorker`: undefined where the application gives none, and nothing can be trained. */
export function pageTrainings(createWorker: (() => Worker) | undefined, place: TrainingPlace): PageTrainings {
  let client: Promise<TrainingClient> | null = null;
  let isClosed = false;

  async function load(create: () => Worker): Promise<TrainingClient> {
    try {
      const { TrainingClient } = await import('./training-client.ts');
      return new TrainingClient(create, place);
    } catch (error) {
      client = null;
      throw error;
    }
  }

  return {
    start(order, options = {}) {
      if (createWorker === undefined) return runWithoutWorker();
      if (options.signal?.aborted === true) return refusedRun(options.signal.reason);
      if (isClosed) return refusedRun(closedError());
      const pause = new AbortController();
      client ??= load(createWorker);
      const started = client.then((loaded) => loaded.run(order, { ...options, pause: pause.signal }));
      // Who reads the events is told.
      started.catch(() => undefined);
      return {
        pause: () => pause.abort(),
        async *[Symbol.asyncIterator]() {
          yield* await started;
        },
      };
    },
    pause() {
      client?.then((loaded) => loaded.pause()).catch(() => undefined);
    },
    [Symbol.dispose]() {
      isClosed = true;
      client?.then((loaded) => loaded[Symbol.dispose]()).catch(() => undefined);
    },
  };
}

function closedError(): PersonaPlugError {
  return new PersonaPlugError('closed', 'The personalizer was closed. Create a new one to go on.');
}
