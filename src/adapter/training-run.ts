// A training as an application sees it: what it asks for, and what it is told.
import { PersonaPlugError } from '../lib/errors.ts';
import type { AdapterResult } from './adapter.ts';
import type { AdapterBase, AdapterKind } from './adapter-kind.ts';
import type { TrainingOptions } from './training-options.ts';

/** A training with options of its own, or with those that are kept of an adapter: on what the history holds now, from scratch. */
export type TrainingRequest =
  | {
      readonly task: string;
      /** @defaultValue 'persona' */
      readonly base?: AdapterBase;
      readonly options: TrainingOptions;
    }
  | {
      readonly task: string;
      /** The kind that is trained again: a stale one, else the one that is ready. */
      readonly retrain: AdapterKind;
    };

export interface TrainingRunOptions {
  /** Gives the training up: nothing of it is left, and reading throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** `pause`: hidden, the tab keeps the training's place and stops, as `pause()` does. @defaultValue 'continue' */
  readonly whenHidden?: 'continue' | 'pause';
}

/** A training that is under way. Its events are read by `for await`, once. Leaving the loop pauses it, and waits until its place is kept. */
export interface TrainingRun extends AsyncIterable<TrainingEvent> {
  /** Ends with the outcome `paused` after the present step; `resume` goes on from there, also in another tab. */
  pause(): void;
}

/** Event types may be added: ignore those you do not know. */
export type TrainingEvent =
  /** One step. `loss`: mean over its items, nats a token. */
  | {
      readonly type: 'step';
      readonly step: number;
      /** Of all passes, at most: training may stop earlier. */
      readonly steps: number;
      readonly loss: number;
      /** Estimated, of all passes. Null while nothing can be said. */
      readonly millisecondsLeft: number | null;
    }
  /** The held-out items' loss after a pass, nats a token; pass 0 is the start. */
  | { readonly type: 'evaluation'; readonly pass: number; readonly loss: number; readonly isBest: boolean }
  /** The place is kept: a tab that is closed now goes on from this step. */
  | { readonly type: 'checkpoint'; readonly step: number }
  | { readonly type: 'end'; readonly outcome: TrainingOutcome };

export type TrainingOutcome =
  | { readonly type: 'ready'; readonly result: AdapterResult }
  /** The held-out loss never fell: nothing is kept, what was there before stays. */
  | { readonly type: 'no-gain'; readonly startLoss: number }
  | { readonly type: 'paused'; readonly step: number };

/** A training that cannot start: reading it throws the error. */
export function refusedRun(error: unknown): TrainingRun {
  return {
    pause: () => undefined,
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        throw error;
      },
    }),
  };
}

/** The run of a personalizer that has no worker to train in. */
export function runWithoutWorker(): TrainingRun {
  return refusedRun(
    new PersonaPlugError(
      'invalid-argument',
      'This personalizer has no worker to train in. Give createPersonalizer a trainingWorker, a function that starts a worker whose file calls serveTrainingWorker().',
    ),
  );
}
