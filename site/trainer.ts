// Trains on the visitor's own items: started, paused, stopped and deleted by clicks.
import { batch } from '@preact/signals';
import {
  type Adapters,
  PersonaPlugError,
  type TrainingEvent,
  type TrainingOutcome,
  type TrainingRun,
  type TrainingRunOptions,
} from 'persona-plug';
import { emptyCurve } from './loss-curve.ts';
import {
  createTrainerState,
  type RunningTraining,
  type TrainerState,
  type TrainingName,
  trainingTitles,
} from './trainer-state.ts';

export interface TrainerOptions {
  readonly adapters: () => Adapters;
  /** Says in a sentence what has just been done. */
  readonly notify: (sentence: string) => void;
}

/** The part of a training that this tab has seen before it was paused. */
interface EarlierPart {
  readonly step: number;
  readonly steps: number;
  readonly milliseconds: number;
  readonly curve: RunningTraining['curve'];
}

/** The actions behind the training panel. Those that fail reject, and show the failure too. */
export class Trainer {
  readonly state: TrainerState = createTrainerState();
  readonly #options: TrainerOptions;
  /** Ends the training that is running, without a trace. */
  #stop: (() => void) | null = null;
  #shownTask = '';

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  async start(name: TrainingName): Promise<void> {
    const request = { task: name.task, options: { kind: name.kind, passes: this.state.passes.value } };
    await this.#run(name, (options) => this.#options.adapters().train(request, options));
  }

  /** Goes on with what was paused, here or in a tab that is closed. */
  async resume(name: TrainingName): Promise<void> {
    await this.#run(name, (options) => this.#options.adapters().resume(name, options), this.#pausedHere(name));
  }

  /** Trains what became stale again, as it was asked for, on the items that are left. */
  async retrain(name: TrainingName): Promise<void> {
    const request = { task: name.task, retrain: name.kind };
    await this.#run(name, (options) => this.#options.adapters().train(request, options));
  }

  /** Keeps the place of the training that is running. */
  pause(): void {
    const { running } = this.state;
    if (running.value === null) return;
    running.value = { ...running.value, isPausing: true };
    this.#options.adapters().pause();
  }

  /** Gives the training up that is running: nothing of it is kept. */
  stop(): void {
    this.#stop?.();
  }

  /** Deletes all that is kept of a kind, or only its stale mark. */
  async drop({ task, kind }: TrainingName, state?: 'stale'): Promise<void> {
    await this.#showFailure(`The ${trainingTitles[kind]} was not deleted`, async () => {
      await this.#options.adapters().drop({ task, kind, ...(state === undefined ? {} : { state }) });
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

  /** Shows what is kept for a task. */
  async show(task: string): Promise<void> {
    this.#shownTask = task;
    await this.#showFailure('What was trained cannot be read', async () => await this.#refresh());
  }

  /** Shows every change of what is kept, also by other tabs, until the personalizer is closed. */
  async follow(): Promise<void> {
    for await (const _change of this.#options.adapters().watch()) await this.#refresh();
  }

  async #run(
    name: TrainingName,
    start: (options: TrainingRunOptions) => TrainingRun,
    earlier: EarlierPart | null = null,
  ): Promise<void> {
    if (this.#stop !== null) return;
    const { state } = this;
    const began = performance.now();
    const controller = new AbortController();
    const { signal } = controller;
    this.#stop = () => controller.abort(new DOMException('Stopped by the visitor.', 'AbortError'));
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
          const whenHidden = state.pausesWhenHidden.value ? 'pause' : 'continue';
          for await (const event of start({ signal, whenHidden })) {
            if (event.type === 'end')
              this.#end(event.outcome, performance.now() - began + (earlier?.milliseconds ?? 0));
            else this.#receive(event);
          }
        },
        signal,
      );
    } finally {
      this.#stop = null;
      state.running.value = null;
      await this.show(this.#shownTask);
    }
  }

  /** Null unless it is the training that this tab paused last. */
  #pausedHere({ task, kind }: TrainingName): EarlierPart | null {
    const ended = this.state.ended.value;
    if (ended?.task !== task || ended.kind !== kind || ended.outcome.type !== 'paused') return null;
    const { steps, milliseconds, curve } = ended;
    return { step: ended.outcome.step, steps, milliseconds, curve };
  }

  #receive(event: Exclude<TrainingEvent, { type: 'end' }>): void {
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
        // The package may add events.
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

  async #refresh(): Promise<void> {
    const task = this.#shownTask;
    const stored = await this.#options.adapters().list(task);
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
