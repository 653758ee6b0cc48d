// The contract of a method: prepare(user) → answer(query). One file a method in methods/, listed in methods/registry.ts.
import type { EvaluationQuery, EvaluationTask, EvaluationUser } from './data/evaluation-task.ts';
import type { EvaluationModels } from './evaluation-models.ts';
import type { ScoringEngine, ScoringEngineOptions } from './scoring-engine.ts';
import type { TrainedAdapter } from './training/trained-adapter.ts';

/** What was measured of a method on a query. */
export interface Measurement {
  /** Negative log-likelihood of the gold answer, in nats; null where the method has no probabilities. */
  readonly nll: number | null;
  /** Tokens of the gold answer; null where the method has none. */
  readonly tokens: number | null;
  /** The generated answer; null where it is not one of the task's; absent where none was generated. */
  readonly answer?: string | null;
  /** In [0, 1]; absent where the method has no gate. */
  readonly gate?: number;
  readonly isPersonaUsed?: boolean;
  /** Whether an adapter that was trained on the user was used; absent where the method trains none. */
  readonly isTuned?: boolean;
  /** How many items the method could use. */
  readonly historySize: number;
}

/** A user who is measured, with the control users. */
export interface UserSession {
  readonly models: EvaluationModels;
  readonly task: EvaluationTask;
  readonly user: EvaluationUser;
  /** Another user of the same task and split, the same one in every run with the same seed; null where there is none. */
  readonly sameTaskControl: EvaluationUser | null;
  /** A user of another task; null where no other task was loaded. */
  readonly otherTaskControl: EvaluationUser | null;
  /** Seed of everything random in a method. */
  readonly seed: number;
  /** The engine of this session with that name and these options. Methods that ask for the same one share its history. */
  engine(name: string, options?: Partial<ScoringEngineOptions>): ScoringEngine;
}

export interface AnswerOptions {
  readonly signal: AbortSignal;
  /** Whether an answer is generated too, and not only the gold answer scored. */
  readonly withAnswer: boolean;
}

export interface PreparedMethod {
  /** The adapter that was trained on the user; absent where the method trains none. */
  readonly trained?: TrainedAdapter;
  answer(query: EvaluationQuery, options: AnswerOptions): Promise<Measurement>;
}

/** Which control users there are. */
export interface ControlUsers {
  readonly hasSameTaskControl: boolean;
  readonly hasOtherTaskControl: boolean;
}

export interface Method {
  /** Kebab-case; `+` joins two ways to personalize. */
  readonly name: string;
  /** A sentence for the report. */
  readonly description: string;
  /** Why it cannot be measured, in words for a message; null where it can. */
  readonly unavailable: (models: EvaluationModels, controls: ControlUsers) => string | null;
  /** Called once for each user, before the first query; the queries follow oldest first. */
  readonly prepare: (
    session: UserSession,
    options: { readonly signal: AbortSignal },
  ) => PreparedMethod | Promise<PreparedMethod>;
}
