// `persona-plug/evaluation`: measures ways to personalize on LaMP's tasks and on your own data, in a page or in Node.
export { lampTask, type MeasuredSplit, rebuiltTask, usersOfSplit } from './data/build-task.ts';
export type { EvaluationQuery, EvaluationTask, EvaluationUser } from './data/evaluation-task.ts';
export { type LampFile, type LampTask, parseLamp } from './data/parse-lamp.ts';
export { parseTaskFile, type TaskFileOptions } from './data/parse-task-file.ts';
export { splitOfUser, type UserSplit } from './data/split-of-user.ts';
export {
  anotherTasksHistory,
  anotherUsersHistory,
  engineMethod,
  type EngineMethodOptions,
  type HistoryChoice,
  newestOfOwnHistory,
  noHistory,
  ownHistory,
} from './engine-method.ts';
export type { VectorCache } from './cache-vectors.ts';
export { evaluate, type EvaluationEvent, type EvaluationOptions } from './evaluate.ts';
export {
  createEvaluationModels,
  type EvaluationModels,
  type EvaluationModelsParts,
  type MeasuredLanguageModel,
} from './evaluation-models.ts';
export {
  type LoadedEvaluationModels,
  loadEvaluationModels,
  type LoadEvaluationModelsOptions,
  type PackagePlace,
} from './load-evaluation-models.ts';
export type { AnswerOptions, ControlUsers, Measurement, Method, PreparedMethod, UserSession } from './method.ts';
export { personaOfNewest } from './methods/persona.ts';
export { methods, oppuMethods } from './methods/registry.ts';
export { type BootstrapOptions, type ClusteredSums, clusteredInterval, type Interval } from './metrics/bootstrap.ts';
export { ratingOf } from './metrics/rating.ts';
export { rouge, type RougeScores } from './metrics/rouge.ts';
export { type Scored, type Statistic, statisticsOf } from './metrics/statistic.ts';
export type { MetricName, TaskKind } from '../tasks/task-metrics.ts';
export type { Prediction } from './prediction.ts';
export { createScoringEngine, type ScoringEngine, type ScoringEngineOptions } from './scoring-engine.ts';
export type { GainBin, UserGain } from './summary/gains.ts';
export type { CalibrationBin, GateDecisions, GateSummary } from './summary/gate.ts';
export type { NewUserPoint } from './summary/new-user.ts';
export type { Gradients, Trainer } from './training/trainer.ts';
export type { TrainedAdapter } from './training/trained-adapter.ts';
export type { TrainingCost } from './training/training-cost.ts';
export type { AdapterCache } from './training/adapter-cache.ts';
export { type Difference, type MethodSummary, summarize, type TaskSummary } from './summary/summarize.ts';
