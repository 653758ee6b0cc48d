// What an application can do with what is trained on the user's items.
import type { CallOptions } from '../lib/call-options.ts';
import type { Adapter, AdapterName } from './adapter.ts';
import type { AdapterKind } from './adapter-kind.ts';
import type { PeftFiles } from './peft-files.ts';
import type { TrainingRequest, TrainingRun, TrainingRunOptions } from './training-run.ts';

/** The adapters of a personalizer's history, and the training of new ones. */
export interface Adapters {
  /**
   * The adapters of a task, of all tasks without one, in every state.
   *
   * @throws PersonaPlugError `storage-failed` when one cannot be read, `closed`; or `signal.reason`.
   */
  list(task?: string, options?: CallOptions): Promise<Adapter[]>;
  /**
   * Starts a training in the training worker. Closing the personalizer, or the tab, leaves the last checkpoint for `resume`.
   *
   * Reading throws PersonaPlugError `invalid-argument` (no training worker, one that trains already, too few items, bad options),
   * `not-found` (nothing to train again), `model-missing`, `model-integrity`, `model-mismatch`, `network-failed`, `storage-blocked`
   * (another tab trains), `storage-failed`, `memory-insufficient`, `closed` (an item was forgotten, the worker died, or this was
   * closed), `runtime-failed`; or `signal.reason`.
   *
   * @example
   * ```ts
   * const me = await createPersonalizer({
   *   worker: new Worker(new URL('./persona.worker.ts', import.meta.url), { type: 'module' }),
   *   trainingWorker: () => new Worker(new URL('./training.worker.ts', import.meta.url), { type: 'module' }),
   *   models: '/models/',
   * });
   * for await (const event of me.adapters.train({ task: 'news_headline', options: { kind: 'prompt' } })) {
   *   if (event.type === 'step') console.log(event.step, event.steps, event.loss, event.millisecondsLeft);
   * }
   * ```
   */
  train(request: TrainingRequest, options?: TrainingRunOptions): TrainingRun;
  /** Goes on with what was paused or interrupted, here or in another tab. Reading throws as of `train`. */
  resume(request: Pick<AdapterName, 'task' | 'kind'>, options?: TrainingRunOptions): TrainingRun;
  /** Pauses the training that this personalizer runs; nothing where there is none. */
  pause(): void;
  /**
   * Deletes an adapter with its checkpoint and its stale mark, or only what is in one state of it; false when there was none. A
   * training of it that runs meanwhile ends with `closed`.
   *
   * @throws PersonaPlugError `storage-failed`, `closed`; or `signal.reason`.
   */
  drop(
    request: Pick<AdapterName, 'task' | 'kind'> & Partial<Pick<AdapterName, 'state'>>,
    options?: CallOptions,
  ): Promise<boolean>;
  /**
   * Comes once at the start, and again after every change of the adapters by any tab: one that is ready, an item that was forgotten.
   * Reading never ends by itself: leave the loop.
   *
   * @example
   * ```ts
   * const { adapters } = await createPersonalizer({ worker: new Worker('/persona.worker.js'), models: '/models/' });
   * for await (const _change of adapters.watch()) console.log(await adapters.list('news_headline'));
   * ```
   *
   * @throws PersonaPlugError `closed`; or `signal.reason`.
   */
  watch(options?: CallOptions): AsyncIterable<void>;
  /**
   * A LoRA or (IA)³ that is ready, as the files that Python's peft reads.
   *
   * @throws PersonaPlugError `not-found` when none was trained, `storage-failed`, `closed`; or `signal.reason`.
   */
  exportPeft(request: PeftRequest, options?: CallOptions): Promise<PeftFiles>;
}

/** Which adapter peft's files are made of. */
export interface PeftRequest {
  readonly task: string;
  readonly kind: Exclude<AdapterKind, 'prompt'>;
  /** The name of the language model that the files say they belong to; peft does not check it. */
  readonly baseModel: string;
}
