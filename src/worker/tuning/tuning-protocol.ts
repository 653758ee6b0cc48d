// What page and training worker say to each other. One worker runs one training at a time.
import type { TuningJobEvent } from '../../tuning/job/tuning-job.ts';
import type { TuningRequest, TuningResumption, TuningRetraining } from '../../tuning/job/tuning-run.ts';
import type { RemoteError } from '../protocol.ts';

/** Where a training finds history and models. */
export interface TuningPlace {
  /** Folder of the model packages: a URL ending in `/`. */
  readonly models: string;
  /** Name of the history's database. @defaultValue 'persona-plug' */
  readonly storageName?: string;
  /** Names of the model packages. @defaultValue `nano-llm`, `plug` */
  readonly packages?: { readonly languageModel?: string; readonly plug?: string };
  /** `webgpu` is worth it on a real GPU only. @defaultValue 'wasm' */
  readonly device?: 'wasm' | 'webgpu';
  /** Bytes that a training may take at most; one that needs more is refused. @defaultValue what the device is known to have */
  readonly memoryLimit?: number;
  /** Milliseconds between two checkpoints. @defaultValue 5000 */
  readonly checkpointInterval?: number;
}

export type TuningCommand =
  | {
      readonly type: 'start';
      readonly place: TuningPlace;
      readonly request: TuningRequest | TuningResumption | TuningRetraining;
    }
  | { readonly type: 'pause' }
  | { readonly type: 'abort' };

export type TuningReply =
  | { readonly type: 'event'; readonly event: TuningJobEvent }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly error: RemoteError };

const envelope = 'persona-plug/tuning';

interface Envelope<T> {
  readonly [envelope]: T;
}

export function wrapTuning<T extends TuningCommand | TuningReply>(message: T): Envelope<T> {
  return { [envelope]: message };
}

/** The border: null for messages of others. Both ends come from one build. */
export function readTuningCommand(value: unknown): TuningCommand | null {
  return hasEnvelope(value) ? (value[envelope] as TuningCommand) : null;
}

/** The border: null for messages of others. */
export function readTuningReply(value: unknown): TuningReply | null {
  return hasEnvelope(value) ? (value[envelope] as TuningReply) : null;
}

function hasEnvelope(value: unknown): value is Envelope<unknown> {
  return typeof value === 'object' && value !== null && envelope in value;
}
