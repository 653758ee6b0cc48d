// `persona-plug/tuning`: training on the user's own items, in a worker of its own.
export { type ServeTuningWorkerOptions, serveTuningWorker } from './serve-tuning-worker.ts';
export { startTuning, type StartTuningOptions, type TuningJob } from './start-tuning.ts';
export type { TuningPlace } from './tuning-protocol.ts';
export type { TuningJobEvent, TuningOutcome } from '../../tuning/job/tuning-job.ts';
export type { TuningRequest, TuningResumption, TuningRetraining } from '../../tuning/job/tuning-run.ts';
export type { TuningOptionsInput } from '../../adapter/training-options.ts';
export { dropTuning, exportAdapter, type StoredTuning, storedTunings, watchTunings } from './stored-tunings.ts';
export type { StaleMark } from '../../adapter/adapter-record.ts';
export type { TuningDescription } from '../../adapter/adapter-result.ts';
export type { TuningState } from '../../adapter/adapter-state.ts';
export type { TuningSettings } from '../../adapter/adapter-settings.ts';
export type { PeftFiles } from '../../adapter/peft-files.ts';
