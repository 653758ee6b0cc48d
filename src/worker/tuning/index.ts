// `persona-plug/tuning`: training on the user's own items, in a worker of its own.
export { type ServeTuningWorkerOptions, serveTuningWorker } from './serve-tuning-worker.ts';
export { startTuning, type StartTuningOptions, type TuningJob } from './start-tuning.ts';
export type { TuningPlace } from './tuning-protocol.ts';
export type { TuningJobEvent, TuningOutcome } from '../../tuning/job/tuning-job.ts';
export type { TuningRequest, TuningResumption, TuningRetraining } from '../../tuning/job/tuning-run.ts';
export type { TuningOptionsInput } from '../../tuning/tuning-options.ts';
export { dropTuning, exportAdapter, type StoredTuning, storedTunings, watchTunings } from './stored-tunings.ts';
export type { StaleMark } from '../../history/tuning-record.ts';
export type { TuningDescription } from '../../tuning/tuning-description.ts';
export type { TuningState } from '../../tuning/tuning-state.ts';
export type { TuningSettings } from '../../tuning/tuning-settings.ts';
export type { PeftFiles } from '../../tuning/peft-files.ts';
