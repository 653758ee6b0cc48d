// What the page shows of a training on the visitor's items, as signals.
import { type Signal, signal } from '@preact/signals';
import type { Adapter, AdapterKind, TrainingOutcome } from 'persona-plug';
import type { Failure } from './demo-state.ts';
import type { LossCurve } from './loss-curve.ts';

/** One training: of a task, of a kind. */
export interface TrainingName {
  readonly task: string;
  readonly kind: AdapterKind;
}

export interface RunningTraining extends TrainingName {
  readonly step: number;
  /** Of all passes; null until the first step is done. */
  readonly steps: number | null;
  readonly millisecondsLeft: number | null;
  readonly curve: LossCurve;
  readonly isPausing: boolean;
}

/** How the last training of this tab ended. */
export interface EndedTraining extends TrainingName {
  readonly outcome: TrainingOutcome;
  readonly steps: number;
  readonly curve: LossCurve;
  /** Time that it took in this tab, its earlier parts included. */
  readonly milliseconds: number;
}

export interface TrainerState {
  readonly kind: Signal<AdapterKind>;
  /** Passes over the items, at most. */
  readonly passes: Signal<number>;
  /** Whether a training that is started keeps its place and stops when the tab is hidden. */
  readonly pausesWhenHidden: Signal<boolean>;
  readonly running: Signal<RunningTraining | null>;
  readonly ended: Signal<EndedTraining | null>;
  readonly failure: Signal<Failure | null>;
  /** What this browser keeps for the chosen task. */
  readonly stored: Signal<readonly Adapter[]>;
}

export function createTrainerState(): TrainerState {
  return {
    kind: signal('prompt'),
    passes: signal(4),
    pausesWhenHidden: signal(false),
    running: signal(null),
    ended: signal(null),
    failure: signal(null),
    stored: signal([]),
  };
}

export const trainingTitles: Readonly<Record<AdapterKind, string>> = {
  prompt: 'personal prompt',
  lora: 'LoRA',
  ia3: '(IA)³',
};

/** The title after its article. */
export function aTraining(kind: AdapterKind): string {
  return `${kind === 'ia3' ? 'an' : 'a'} ${trainingTitles[kind]}`;
}
