// `persona-plug/tuning`: training on the user's own items, in a worker of its own.
export { type ServeTrainingWorkerOptions, serveTrainingWorker } from './serve-training-worker.ts';
export { startTraining, type StartTrainingOptions, type TrainingJob } from './start-training.ts';
export type { TrainingPlace } from './training-protocol.ts';
export type { TrainingJobEvent, TrainingOutcome } from '../../tuning/job/training-job.ts';
export type { TrainingRequest, TrainingResumption, TrainingRetraining } from '../../tuning/job/training-run.ts';
export type { TrainingOptionsInput } from '../../adapter/training-options.ts';
export { dropAdapter, exportAdapter, type StoredAdapter, storedAdapters, watchAdapters } from './stored-adapters.ts';
export type { StaleMark } from '../../adapter/adapter-record.ts';
export type { AdapterResult } from '../../adapter/adapter-result.ts';
export type { AdapterState } from '../../adapter/adapter-state.ts';
export type { AdapterSettings } from '../../adapter/adapter-settings.ts';
export type { PeftFiles } from '../../adapter/peft-files.ts';
