// What page and training worker say to each other. One worker runs one training at a time.
import type { TrainingEvent } from '../../adapter/training-run.ts';
import type { TrainingOrder } from '../../tuning/job/open-training.ts';
import type { RemoteError } from '../protocol.ts';

/** How an application wants trainings to run. */
export interface TrainingSettings {
  /** `webgpu` is worth it on a real GPU only. @defaultValue 'wasm' */
  readonly device?: 'wasm' | 'webgpu';
  /** Bytes that a training may take at most; one that needs more is refused. @defaultValue what the device is known to have */
  readonly memoryLimit?: number;
  /** Milliseconds between two checkpoints; 0: after every step. @defaultValue 5000 */
  readonly checkpointInterval?: number;
}

/** Where a training finds history and models, and how it runs. */
export interface TrainingPlace extends TrainingSettings {
  /** Folder of the model packages: an absolute URL ending in `/`. */
  readonly models: string;
  /** Names of the model packages. */
  readonly packages: { readonly languageModel: string; readonly plug: string };
  /** Name of the history's database. */
  readonly storageName: string;
}

export type TrainingCommand =
  | { readonly type: 'start'; readonly place: TrainingPlace; readonly order: TrainingOrder }
  | { readonly type: 'pause' }
  | { readonly type: 'abort' };

export type TrainingReply =
  | { readonly type: 'event'; readonly event: TrainingEvent }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly error: RemoteError };

const envelope = 'persona-plug/tuning';

interface Envelope<T> {
  readonly [envelope]: T;
}

export function wrapTraining<T extends TrainingCommand | TrainingReply>(message: T): Envelope<T> {
  return { [envelope]: message };
}

/** The border: null for messages of others. Both ends come from one build. */
export function readTrainingCommand(value: unknown): TrainingCommand | null {
  return hasEnvelope(value) ? (value[envelope] as TrainingCommand) : null;
}

/** The border: null for messages of others. */
export function readTrainingReply(value: unknown): TrainingReply | null {
  return hasEnvelope(value) ? (value[envelope] as TrainingReply) : null;
}

function hasEnvelope(value: unknown): value is Envelope<unknown> {
  return typeof value === 'object' && value !== null && envelope in value;
}
