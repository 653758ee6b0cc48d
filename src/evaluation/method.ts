// The contract of a method: prepare(user) → answer(query). One file a method in methods/, listed in methods/registry.ts.
import type { EvaluationQuery, EvaluationTask, EvaluationUser } from './data/evaluation-task.ts';
import type { EvaluationModels } from './evaluation-models.ts';
import type { ScoringEngine, ScoringEngineOptions } from './scoring-engine.ts';
import type { TrainedAdapter } from './training/trained-adapter.ts';

/** What a method said to a query. */
export interface Measurement {
  /** Negative log-likelihood of the gold answer, nats an answer; null where the method has no probabilities. */
  readonly nll: number | null;
  /** Tokens of the gold answer; null where the method has none. */
  readonly tokens: number | null;
  /** The answer given; null where it is none; absent where none was asked for. */
  readonly answer?: string | null;
  /** In [0, 1]; absent where the method has no gate. */
  readonly gate?: number;
  readonly isPersonaUsed?: boolean;
  /** What was trained on the user had a part in it; absent where the method trains nothing. */
  readonly isTuned?: boolean;
  /** Items that the method could look at. */
  readonly historySize: number;
}

/** A user under measurement, and whom she is compared with. */
export interface UserSession {
  readonly models: EvaluationModels;
  readonly task: EvaluationTask;
  readonly user: EvaluationUser;
  /** Another user of the same task and split, the same one in every run of a seed; null where there is none. */
  readonly sameTaskControl: EvaluationUser | null;
  /** A user of another task; null where no other task was loaded. */
  readonly otherTaskControl: EvaluationUser | null;
  /** Of everything that a method draws. */
  readonly seed: number;
  /** An engine that lives as long as the session; methods that give the same name and options share it and its history. */
  engine(name: string, options?: Partial<ScoringEngineOptions>): ScoringEngine;
}

export interface AnswerOptions {
  readonly signal: AbortSignal;
  /** Also answer, not only score. */
  readonly withAnswer: boolean;
}

export interface PreparedMethod {
  /** What was trained on the user; absent where the method trains nothing. */
  readonly trained?: TrainedAdapter;
  answer(query: EvaluationQuery, options: AnswerOptions): Promise<Measurement>;
}

/** What there is beside the user. */
export interface ControlUsers {
  readonly hasSameTaskControl: boolean;
  readonly hasOtherTaskControl: boolean;
}

export interface Method {
  /** Kebab-case; `+` joins two ways to personalize. */
  readonly name: string;
  /** A sentence for the report. */
  readonly description: string;
  /** Why it cannot be measured, for people; null where it can. */
  readonly unavailable: (models: EvaluationModels, controls: ControlUsers) => string | null;
  /** Called once a user, before her first query; queries then come oldest first. */
  readonly prepare: (
    session: UserSession,
    options: { readonly signal: AbortSignal },
  ) => PreparedMethod | Promise<PreparedMethod>;
}
