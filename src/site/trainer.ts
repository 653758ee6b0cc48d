// Trains on the visitor's own items, in a worker of its own: started, paused, stopped and deleted by clicks alone.
import { batch } from '@preact/signals';
import { PersonaPlugError } from '../lib/errors.ts';
import {
  dropTuning,
  startTuning,
  storedTunings,
  type TuningJob,
  type TuningJobEvent,
  type TuningOutcome,
  type TuningPlace,
  type TuningRequest,
  type TuningResumption,
} from '../worker/tuning/index.ts';
import { emptyCurve } from './loss-curve.ts';
import {
  createTrainerState,
  type RunningTraining,
  type TrainerState,
  type TrainingName,
  trainingTitles,
} from './trainer-state.ts';
import { onWorkerReport, type RequestReport } from './watch-requests.ts';

export interface TrainerOptions {
  readonly place: () => TuningPlace & { readonly storageName: string };
  readonly createWorker: () => Worker;
  readonly onRequest: (report: RequestReport) => void;
  /** Says in a sentence what has just been done. */
  readonly notify: (sentence: string) => void;
}

/** The actions behind the training panel. Those that fail reject, and show the failure too. */
export class Trainer {
  readonly state: TrainerState = createTrainerState();
  readonly #options: TrainerOptions;
  #current: { readonly job: TuningJob; readonly stop: () => void } | null = null;
  #shownTask = '';

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  async start({ task, kind }: TrainingName): Promise<void> {
    await this.#run({ task, kind }, { task, options: { kind, passes: this.state.passes.value } });
  }

  /** Goes on with what was paused, here or in a tab that is closed. */
  async resume({ task, kind }: TrainingName): Promise<void> {
    await this.#run({ task, kind }, { task, resume: kind });
  }

  /** Keeps the place of the training that is running. */
  pause(): void {
    const { running } = this.state;
    if (running.value !== null) running.value = { ...running.value, isPausing: true };
    this.#current?.job.pause();
  }

  /** Gives the training up that is running: nothing of it is kept. */
  stop(): void {
    this.#current?.stop();
  }

  async drop({ task, kind }: TrainingName): Promise<void> {
    await this.#showFailure(`The ${trainingTitles[kind]} was not deleted`, async () => {
      await dropTuning(this.#options.place().storageName, task, kind);
      const { ended } = this.state;
      if (ended.value?.task === task && ended.value.kind === kind) ended.value = null;
      await this.#refresh();
      this.#options.notify(`Deleted: the ${trainingTitles[kind]} is gone.`);
    });
  }

  /** Shows what is kept for a task. */
  async show(task: string): Promise<void> {
    this.#shownTask = task;
    await this.#showFailure('What was trained cannot be read', async () => await this.#refresh());
  }

  async #run(name: TrainingName, request: TuningRequest | TuningResumption): Promise<void> {
    if (this.#current !== null) return;
    const { state } = this;
    const began = performance.now();
    const earlier = 'resume' in request ? this.#pausedHere(name) : null;
    const controller = new AbortController();
    const worker = this.#options.createWorker();
    onWorkerReport(worker, this.#options.onRequest);
    const job = startTuning(worker, this.#options.place(), request, { signal: controller.signal });
    const stop = (): void => controller.abort(new DOMException('Stopped by the visitor.', 'AbortError'));
    this.#current = { job, stop };
    batch(() => {
      state.failure.value = null;
      state.ended.value = null;
      state.running.value = {
        ...name,
        step: earlier?.step ?? 0,
        steps: earlier?.steps ?? null,
        millisecondsLeft: null,
        curve: earlier?.curve ?? emptyCurve,
        isPausing: false,
      };
    });
    try {
      await this.#showFailure(
        'The training ended',
        async () => {
          for await (const event of job) {
            if (event.type === 'end')
              this.#end(event.outcome, performance.now() - began + (earlier?.milliseconds ?? 0));
            else this.#receive(event);
          }
        },
        controller.signal,
      );
    } finally {
      worker.terminate();
      this.#current = null;
      state.running.value = null;
      await this.show(this.#shownTask);
    }
  }

  /** The part of a training that this tab has seen, when it is the one that was paused last. */
  #pausedHere({
    task,
    kind,
  }: TrainingName): { step: number; steps: number; milliseconds: number; curve: RunningTraining['curve'] } | null {
    const ended = this.state.ended.value;
    if (ended?.task !== task || ended.kind !== kind || ended.outcome.type !== 'paused') return null;
    const { steps, milliseconds, curve } = ended;
    return { step: ended.outcome.step, steps, milliseconds, curve };
  }

  #receive(event: Exclude<TuningJobEvent, { type: 'end' }>): void {
    const { running } = this.state;
    if (running.value === null) return;
    const { curve, step } = running.value;
    switch (event.type) {
      case 'step':
        running.value = {
          ...running.value,
          step: event.step,
          steps: event.steps,
          millisecondsLeft: event.millisecondsLeft,
          curve: { ...curve, trained: [...curve.trained, { step: event.step, loss: event.loss }] },
        };
        break;
      case 'evaluation':
        // After a reload the step of a checkpoint is not known before the next one.
        if (event.pass > 0 && step === 0) break;
        running.value = {
          ...running.value,
          curve: { ...curve, heldOut: [...curve.heldOut, { step, loss: event.loss }] },
        };
        break;
      case 'checkpoint':
        break;
      default:
        // The job may add events.
        event satisfies never;
    }
  }

  #end(outcome: TuningOutcome, milliseconds: number): void {
    const { running, ended } = this.state;
    if (running.value === null) return;
    const { task, kind, curve, steps, step } = running.value;
    ended.value = { task, kind, outcome, curve, steps: steps ?? step, milliseconds };
    this.#options.notify(sentences[outcome.type]);
  }

  async #refresh(): Promise<void> {
    const task = this.#shownTask;
    const stored = await storedTunings(this.#options.place().storageName, task);
    // Another task may have been chosen meanwhile.
    if (task === this.#shownTask) this.state.stored.value = stored;
  }

  async #showFailure(title: string, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) {
        this.#options.notify('Training stopped: nothing of it is kept.');
        return;
      }
      this.state.failure.value = {
        title,
        message: error instanceof Error ? error.message : String(error),
        code: PersonaPlugError.isInstance(error) ? error.code : 'internal',
      };
      throw error;
    }
  }
}

const sentences: Readonly<Record<TuningOutcome['type'], string>> = {
  done: 'Training is done: its result is kept.',
  'no-gain': 'Training is done: it did not help, so nothing of it is kept.',
  paused: 'Training is paused.',
};
