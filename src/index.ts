// The public API of persona-plug.
import type { EngineOptions, Personalizer } from './engine/personalizer.ts';
import type { LongCallOptions } from './lib/call-options.ts';
import { connect, type ConnectOptions, type PersonaWorker } from './worker/connect.ts';

export interface CreatePersonalizerOptions
  extends EngineOptions, LongCallOptions, Pick<ConnectOptions, 'trainingWorker' | 'training'> {
  /** A worker whose file calls `servePersonaWorker()`. The application owns it: it creates it and ends it. */
  readonly worker: PersonaWorker;
}

/**
 * Opens history, embedder, plug and language model in a worker.
 *
 * @example
 * ```ts
 * const worker = new Worker(new URL('./persona.worker.ts', import.meta.url), { type: 'module' });
 * const me = await createPersonalizer({ worker, models: '/models/' });
 * await me.remember({ task: 'news_headline', input: 'A draft', output: 'My headline' });
 * for await (const event of me.generate({ task: 'news_headline', input: 'A new draft' })) {
 *   if (event.type === 'delta') console.log(event.text);
 * }
 * ```
 *
 * @throws PersonaPlugError `webgpu-unavailable`, `model-missing`, `model-integrity`, `model-mismatch`, `network-failed`,
 * `storage-blocked`, `storage-failed`, `runtime-failed`, `closed`; or `signal.reason` when aborted.
 */
export async function createPersonalizer(options: CreatePersonalizerOptions): Promise<Personalizer> {
  const { worker, trainingWorker, training, signal, onProgress, ...engineOptions } = options;
  return await connect(worker, engineOptions, {
    ...(trainingWorker === undefined ? {} : { trainingWorker }),
    ...(training === undefined ? {} : { training }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

export { connect, type ConnectOptions, type PersonaWorker } from './worker/connect.ts';
export type { TrainingSettings } from './worker/tuning/training-protocol.ts';
export type * from './engine/personalizer.ts';
export type { Adapter, AdapterName, AdapterResult, AdapterState, StaleMark } from './adapter/adapter.ts';
export type { AdapterBase, AdapterKind } from './adapter/adapter-kind.ts';
export type { Adapters, PeftRequest } from './adapter/adapters.ts';
export type { PeftFiles } from './adapter/peft-files.ts';
export type { TrainingOptions } from './adapter/training-options.ts';
export type {
  TrainingEvent,
  TrainingOutcome,
  TrainingRequest,
  TrainingRun,
  TrainingRunOptions,
} from './adapter/training-run.ts';
export type { HistoryItem, HistoryItemInput } from './history/history-item.ts';
export type { FinishReason, GenerationUsage, SamplingOptions } from './language-model/language-model.ts';
export type { CallOptions, LongCallOptions } from './lib/call-options.ts';
export type { DeviceChoice, DevicePreference } from './lib/device.ts';
export { PersonaPlugError, type PersonaPlugErrorCode } from './lib/errors.ts';
export type { OnProgress, Progress } from './lib/progress.ts';
export { type CitationQuestion, citationQuestion } from './tasks/citation.ts';
export { lampTasks } from './tasks/lamp-tasks.ts';
export { lampMovieTags, movieTagTask } from './tasks/movie-tag.ts';
export { type RetrievedItem, type Task } from './tasks/task.ts';
export { shippedTasks } from './tasks/task-registry.ts';
