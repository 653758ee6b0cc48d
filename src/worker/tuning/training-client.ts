// The page's side of the training worker. Loaded with the first training: most pages never train.
import type { TrainingEvent, TrainingRunOptions } from '../../adapter/training-run.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import { EventQueue } from '../../lib/event-queue.ts';
import type { TrainingOrder } from '../../tuning/job/open-training.ts';
import { fromRemoteError } from '../remote-error.ts';
import { readTrainingReply, type TrainingCommand, type TrainingPlace, wrapTraining } from './training-protocol.ts';

/** Milliseconds that leaving the loop waits for the worker to keep its place: a step takes a tenth of a second or a few. */
const pauseTimeout = 10_000;

interface Running {
  readonly events: EventQueue<TrainingEvent>;
  readonly signal: AbortSignal | undefined;
  /** Aborted at the training's end, however that comes: its listeners go then. */
  readonly ended: AbortController;
}

export interface RunControl extends TrainingRunOptions {
  readonly pause: AbortSignal;
}

/** One worker, started with the first training and kept for later ones; one training at a time. */
export class TrainingClient implements Disposable {
  readonly #createWorker: () => Worker;
  readonly #place: TrainingPlace;
  #worker: Worker | null = null;
  #running: Running | null = null;

  constructor(createWorker: () => Worker, place: TrainingPlace) {
    this.#createWorker = createWorker;
    this.#place = place;
  }

  /**
   * Starts a training at once and gives its events. Leaving the loop over them pauses it.
   *
   * @throws PersonaPlugError `invalid-argument` when one runs already, `runtime-failed` when the worker cannot be made.
   */
  run(order: TrainingOrder, { signal, whenHidden = 'continue', pause }: RunControl): AsyncIterable<TrainingEvent> {
    if (this.#running !== null) {
      throw new PersonaPlugError('invalid-argument', 'A training runs already. Pause it first, or wait for its end.');
    }
    this.#worker ??= this.#startWorker();
    const running: Running = { events: new EventQueue(), signal, ended: new AbortController() };
    this.#running = running;
    const { signal: ended } = running.ended;
    this.#post({ type: 'start', place: this.#place, order });
    whenAborted(signal, ended, () => this.#post({ type: 'abort' }));
    whenAborted(pause, ended, () => this.#post({ type: 'pause' }));
    if (whenHidden === 'pause') {
      const pauseWhenHidden = (): void => {
        if (document.visibilityState === 'hidden') this.#post({ type: 'pause' });
      };
      document.addEventListener('visibilitychange', pauseWhenHidden, { signal: ended });
      pauseWhenHidden();
    }
    return this.#read(running);
  }

  /** Pauses the training that is under way. */
  pause(): void {
    if (this.#running !== null) this.#post({ type: 'pause' });
  }

  /** Ends the worker. A training that is under way leaves its last checkpoint. */
  [Symbol.dispose](): void {
    this.#endWorker(
      new PersonaPlugError(
        'closed',
        'The personalizer was closed while it trained. The last checkpoint can be resumed.',
      ),
    );
  }

  async *#read({ events, ended }: Running): AsyncGenerator<TrainingEvent, void, void> {
    try {
      yield* events;
    } finally {
      if (!ended.signal.aborted) {
        this.#post({ type: 'pause' });
        await untilAborted(ended.signal, pauseTimeout);
      }
    }
  }

  #post(command: TrainingCommand): void {
    this.#worker?.postMessage(wrapTraining(command), []);
  }

  #startWorker(): Worker {
    let worker: Worker;
    try {
      worker = this.#createWorker();
    } catch (cause) {
      throw new PersonaPlugError(
        'runtime-failed',
        `The worker that trains could not be started (${cause instanceof Error ? cause.message : String(cause)}). Close other tabs, or reload the page.`,
        { cause },
      );
    }
    worker.addEventListener('message', ({ data }) => {
      const running = this.#running;
      const reply = readTrainingReply(data);
      if (running === null || reply === null) return;
      if (reply.type === 'event') running.events.push(reply.event);
      else if (reply.type === 'end') this.#finish(() => running.events.end());
      else this.#finish(() => running.events.fail(fromRemoteError(reply.error, running.signal)));
    });
    worker.addEventListener('error', (event) => this.#endWorker(workerError(event)));
    return worker;
  }

  #finish(end: () => void): void {
    const running = this.#running;
    this.#running = null;
    end();
    running?.ended.abort();
  }

  #endWorker(reason: PersonaPlugError): void {
    this.#worker?.terminate();
    this.#worker = null;
    const running = this.#running;
    if (running !== null) this.#finish(() => running.events.fail(reason));
  }
}

function workerError({ message }: ErrorEvent): PersonaPlugError {
  // A script that cannot be loaded, or that the policy blocks, comes without a word.
  const reason = message === undefined || message === '' ? 'its script could not be loaded' : message;
  return new PersonaPlugError(
    'closed',
    `The training worker died: ${reason}. Resume the training; reload the page if it dies again.`,
  );
}

/** Calls once when the signal is aborted, at once where it is already, and not after `ended`. */
function whenAborted(signal: AbortSignal | undefined, ended: AbortSignal, call: () => void): void {
  if (signal?.aborted === true) call();
  else signal?.addEventListener('abort', call, { once: true, signal: ended });
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
