// Trains on the visitor's own items, in a worker of its own: started, paused, stopped and deleted by clicks alone.
import { batch } from '@preact/signals';
import { PersonaPlugError } from '../src/lib/errors.ts';
import type {
  TrainingJob,
  TrainingJobEvent,
  TrainingOutcome,
  TrainingPlace,
  TrainingRequest,
  TrainingResumption,
  TrainingRetraining,
} from '../src/worker/tuning/index.ts';
import type * as tuningModule from '../src/worker/tuning/index.ts';
import { ignoreFailure } from './ignore-failure.ts';
import { emptyCurve } from './loss-curve.ts';
import {
  createTrainerState,
  type RunningTraining,
  type TrainerState,
  type TrainingName,
  trainingTitles,
} from './trainer-state.ts';
import { onWorkerReport, type RequestReport } from './watch-requests.ts';

type TuningModule = typeof tuningModule;

export interface TrainerOptions {
  readonly place: () => TrainingPlace & { readonly storageName: string };
  readonly createWorker: () => Worker;
  readonly onRequest: (report: RequestReport) => void;
  /** Says in a sentence what has just been done. */
  readonly notify: (sentence: string) => void;
}

/** The actions behind the training panel. Those that fail reject, and show the failure too. */
export class Trainer {
  readonly state: TrainerState = createTrainerState();
  readonly #options: TrainerOptions;
  #current: { readonly stop: () => void; job: TrainingJob | null } | null = null;
  #shownTask = '';
  #module: Promise<TuningModule> | null = null;

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

  /** Trains what became stale again, as it was asked for, on the items that are left. */
  async retrain({ task, kind }: TrainingName): Promise<void> {
    await this.#run({ task, kind }, { task, retrain: kind });
  }

  /** Keeps the place of the training that is running. */
  pause(): void {
    const { running } = this.state;
    if (running.value !== null) running.value = { ...running.value, isPausing: true };
    this.#current?.job?.pause();
  }

  /** Gives the training up that is running: nothing of it is kept. */
  stop(): void {
    this.#current?.stop();
  }

  /** Deletes all that is kept of a kind, or only its stale mark. */
  async drop({ task, kind }: TrainingName, state?: 'stale'): Promise<void> {
    await this.#showFailure(`The ${trainingTitles[kind]} was not deleted`, async () => {
      const { dropAdapter } = await this.#training();
      await dropAdapter(this.#options.place().storageName, task, kind, state);
      const { ended } = this.state;
      if (ended.value?.task === task && ended.value.kind === kind) ended.value = null;
      await this.#refresh();
      this.#options.notify(`Deleted: the ${trainingTitles[kind]} is gone.`);
    });
  }

  /** Takes the last training's losses off the page: they follow from items that may be forgotten now. */
  forgetEnded(task?: string): void {
    const { ended } = this.state;
    if (task === undefined || ended.value?.task === task) ended.value = null;
  }

  /**
   * Shows what is kept for a task. `isAnything`: whether any was there when the page last
   * asked, so that who never trained loads nothing for it.
   */
  async show(task: string, isAnything: boolean): Promise<void> {
    this.#shownTask = task;
    if (!isAnything && this.#module === null) {
      this.state.stored.value = [];
      return;
    }
    await this.#showFailure('What was trained cannot be read', async () => await this.#refresh());
  }

  async #run(name: TrainingName, request: TrainingRequest | TrainingResumption | TrainingRetraining): Promise<void> {
    if (this.#current !== null) return;
    const { state } = this;
    const began = performance.now();
    const earlier = 'resume' in request ? this.#pausedHere(name) : null;
    const controller = new AbortController();
    const { signal } = controller;
    const stop = (): void => controller.abort(new DOMException('Stopped by the visitor.', 'AbortError'));
    const current: { stop: () => void; job: TrainingJob | null } = { stop, job: null };
    this.#current = current;
    const started: { worker: Worker | null } = { worker: null };
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
          const { startTraining } = await this.#training();
          signal.throwIfAborted();
          const worker = this.#startWorker();
          started.worker = worker;
          const whenHidden = state.pausesWhenHidden.value ? 'pause' : 'continue';
          const job = startTraining(worker, this.#options.place(), request, { signal, whenHidden });
          current.job = job;
          if (state.running.value?.isPausing === true) job.pause();
          for await (const event of job) {
            if (event.type === 'end')
              this.#end(event.outcome, performance.now() - began + (earlier?.milliseconds ?? 0));
            else this.#receive(event);
          }
        },
        signal,
      );
    } finally {
      started.worker?.terminate();
      this.#current = null;
      state.running.value = null;
      await this.show(this.#shownTask, true);
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

  #receive(event: Exclude<TrainingJobEvent, { type: 'end' }>): void {
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

  #end(outcome: TrainingOutcome, milliseconds: number): void {
    const { running, ended } = this.state;
    if (running.value === null) return;
    const { task, kind, curve, steps, step } = running.value;
    ended.value = { task, kind, outcome, curve, steps: steps ?? step, milliseconds };
    this.#options.notify(sentences[outcome.type]);
  }

  #startWorker(): Worker {
    try {
      const worker = this.#options.createWorker();
      onWorkerReport(worker, this.#options.onRequest);
      return worker;
    } catch (cause) {
      throw new PersonaPlugError(
        'runtime-failed',
        `The browser could not start the worker that trains (${cause instanceof Error ? cause.message : String(cause)}). Close other tabs, or reload the page.`,
        { cause },
      );
    }
  }

  /** The code of tuning, loaded when it is first needed; from then on changes by other tabs are shown, too. */
  async #training(): Promise<TuningModule> {
    this.#module ??= this.#loadTraining();
    return await this.#module;
  }

  async #loadTraining(): Promise<TuningModule> {
    try {
      const loaded = await import('../src/worker/tuning/index.ts');
      const onChange = (): void => ignoreFailure(this.show(this.#shownTask, true));
      // As long as the page lives.
      const { signal } = new AbortController();
      await loaded.watchAdapters(this.#options.place().storageName, onChange, { signal });
      return loaded;
    } catch (error) {
      this.#module = null;
      throw error;
    }
  }

  async #refresh(): Promise<void> {
    const task = this.#shownTask;
    const { storedAdapters } = await this.#training();
    const stored = await storedAdapters(this.#options.place().storageName, task);
    // Another task may have been chosen meanwhile.
    if (task !== this.#shownTask) return;
    this.state.stored.value = stored;
    const ofEnded = stored.filter(({ kind }) => kind === this.state.ended.value?.kind);
    if (ofEnded.length > 0 && ofEnded.every(({ state }) => state === 'stale')) this.forgetEnded(task);
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

const sentences: Readonly<Record<TrainingOutcome['type'], string>> = {
  ready: 'Training is done: its result is kept.',
  'no-gain': 'Training is done: it did not help, so nothing of it is kept.',
  paused: 'Training is paused.',
};
