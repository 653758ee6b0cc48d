// `persona-plug/tuning`: training on the user's own items, in a worker of its own.
export { type ServeTrainingWorkerOptions, serveTrainingWorker } from './serve-training-worker.ts';
export { startTraining, type StartTrainingOptions, type TrainingJob } from './start-training.ts';
export type { TrainingPlace } from './training-protocol.ts';
export type { TrainingJobEvent, TrainingOutcome } from '../../tuning/job/training-job.ts';
export type { TrainingRequest, TrainingResumption, TrainingRetraining } from '../../tuning/job/training-run.ts';
export type { TrainingOptions } from '../../adapter/training-options.ts';
export { dropAdapter, exportAdapter, storedAdapters, watchAdapters } from './stored-adapters.ts';
export type { Adapter, AdapterResult, AdapterState, StaleMark } from '../../adapter/adapter.ts';
export type { AdapterBase, AdapterKind } from '../../adapter/adapter-kind.ts';
export type { PeftFiles } from '../../adapter/peft-files.ts';
