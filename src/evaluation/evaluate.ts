// Measures every method on every query of every user. Yields each prediction as it is made, so that a caller can store it, show it,
// and stop.
import { PersonaPlugError } from '../lib/errors.ts';
import { seededRandom, shuffled } from '../lib/seeded-random.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { controlsOfSameTask, controlsOfOtherTask } from './control-users.ts';
import { type MeasuredSplit, usersOfSplit } from './data/build-task.ts';
import type { EvaluationTask, EvaluationUser } from './data/evaluation-task.ts';
import type { EvaluationModels } from './evaluation-models.ts';
import type { Method, PreparedMethod, UserSession } from './method.ts';
import { keyOf, type Prediction } from './prediction.ts';
import { createScoringEngine, type ScoringEngine } from './scoring-engine.ts';
import { costOf, type TrainingCost } from './training/training-cost.ts';

export interface EvaluationOptions {
  readonly models: EvaluationModels;
  /** What is measured. */
  readonly tasks: readonly EvaluationTask[];
  /** Tasks whose users serve as users of another task. @defaultValue `tasks` */
  readonly otherTasks?: readonly EvaluationTask[];
  readonly methods: readonly Method[];
  /** @defaultValue 'dev' */
  readonly split?: MeasuredSplit;
  /** Users a task at most, in the file's order. @defaultValue all */
  readonly users?: number;
  /** @defaultValue 0 */
  readonly seed?: number;
  /** Whether answers are generated, and not only gold answers scored. @defaultValue true */
  readonly generate?: boolean;
  /** For how many queries of each text task an answer is generated, which costs much more than scoring. @defaultValue 0 */
  readonly generatedQueries?: number;
  /** Predictions of an earlier run, which are not made again. */
  readonly done?: readonly Prediction[];
  readonly signal?: AbortSignal;
}

export type EvaluationEvent =
  /** First: what will be measured; `total` counts predictions, `left` those that are still to be made. */
  | { readonly type: 'start'; readonly total: number; readonly left: number }
  | { readonly type: 'skipped'; readonly task: string; readonly method: string; readonly reason: string }
  /** An adapter was trained for a user, or found from an earlier run. Comes before the user's first prediction by the method. */
  | { readonly type: 'trained'; readonly cost: TrainingCost }
  | { readonly type: 'prediction'; readonly prediction: Prediction };

/** A task with the users and methods that are measured, and the control users. */
interface Plan {
  readonly task: EvaluationTask;
  readonly users: readonly EvaluationUser[];
  readonly sameTaskControls: ReadonlyMap<string, EvaluationUser>;
  readonly otherTaskControls: ReadonlyMap<string, EvaluationUser>;
  readonly methods: readonly Method[];
  readonly isAnswered: (user: string, query: string) => boolean;
}

/**
 * Measures methods on tasks.
 *
 * @example
 * ```ts
 * import { evaluate, loadEvaluationModels, methods, parseTaskFile, rebuiltTask, summarize } from 'persona-plug/evaluation';
 *
 * const text = await (await fetch('/news_headline.jsonl')).text();
 * const users = parseTaskFile(text, { file: 'news_headline.jsonl', task: 'news_headline', queries: 20 });
 * const task = rebuiltTask('news_headline', 'news_headline.jsonl', users);
 * await using loaded = await loadEvaluationModels({ models: '/models/' });
 * const predictions = [];
 * for await (const event of evaluate({ models: loaded.models, tasks: [task], methods, split: 'all' })) {
 *   if (event.type === 'prediction') predictions.push(event.prediction);
 * }
 * show(summarize(task, predictions, methods).differences);
 * ```
 *
 * @throws PersonaPlugError `invalid-argument` when no user is left to measure; what the models throw; or `signal.reason`.
 */
export async function* evaluate(options: EvaluationOptions): AsyncGenerator<EvaluationEvent, void, void> {
  const { done = [], signal = new AbortController().signal } = options;
  const skipped: EvaluationEvent[] = [];
  const plans: Plan[] = [];
  for (const task of options.tasks) plans.push(await planOf(task, options, (event) => skipped.push(event)));
  yield* skipped;

  const isDone = new Set(done.map(keyOf));
  const isLeft = (task: string, user: string, query: string, method: string): boolean =>
    !isDone.has(keyOf({ task, user, query, method }));
  let [total, left] = [0, 0];
  for (const { task, users, methods } of plans) {
    for (const { user, queries } of users) {
      total += queries.length * methods.length;
      for (const query of queries) left += methods.filter(({ name }) => isLeft(task.task, user, query.id, name)).length;
    }
  }
  yield { type: 'start', total, left };

  for (const plan of plans) {
    for (const user of plan.users) {
      const session = sessionOf(options, plan, user);
      const prepared = new Map<string, PreparedMethod>();
      for (const query of user.queries) {
        for (const method of plan.methods) {
          const names = { task: plan.task.task, user: user.user, query: query.id, method: method.name };
          if (isDone.has(keyOf(names))) continue;
          await yieldToEventLoop();
          signal.throwIfAborted();
          let answering = prepared.get(method.name);
          if (answering === undefined) {
            answering = await method.prepare(session, { signal });
            prepared.set(method.name, answering);
            if (answering.trained !== undefined) yield { type: 'trained', cost: costOf(names, answering.trained) };
          }
          const withAnswer = plan.isAnswered(user.user, query.id);
          const measured = await answering.answer(query, { signal, withAnswer });
          yield { type: 'prediction', prediction: { ...names, ...measured } };
        }
      }
    }
  }
}

async function planOf(
  task: EvaluationTask,
  options: EvaluationOptions,
  onSkipped: (event: EvaluationEvent) => void,
): Promise<Plan> {
  const { models, split = 'dev', seed = 0, generate = true } = options;
  const ofSplit = await usersOfSplit(task.users, split);
  const users = ofSplit.slice(0, options.users);
  if (users.length === 0) {
    throw new PersonaPlugError(
      'invalid-argument',
      `${task.source} has ${task.users.length} users, none of them in the split "${split}". Measure all of them (--split all), or give another file.`,
      { details: { task: task.task, split } },
    );
  }
  const sameTaskControls = controlsOfSameTask(ofSplit, seed);
  const other = (options.otherTasks ?? options.tasks).find((candidate) => candidate.task !== task.task);
  const otherTaskControls =
    other === undefined ? new Map() : controlsOfOtherTask(users, await usersOfSplit(other.users, split), seed);
  const controls = { hasSameTaskControl: sameTaskControls.size > 0, hasOtherTaskControl: otherTaskControls.size > 0 };
  const methods = options.methods.filter((method) => {
    const reason = method.unavailable(models, controls);
    if (reason !== null) onSkipped({ type: 'skipped', task: task.task, method: method.name, reason });
    return reason === null;
  });
  const chosen = generate ? chooseGenerated(task, users, options.generatedQueries ?? 0, seed) : new Set<string>();
  const isAnswered = (user: string, query: string): boolean =>
    generate && (task.choices !== null || chosen.has(JSON.stringify([user, query])));
  return { task, users, sameTaskControls, otherTaskControls, methods, isAnswered };
}

/** The same queries for every method. */
function chooseGenerated(
  task: EvaluationTask,
  users: readonly EvaluationUser[],
  count: number,
  seed: number,
): ReadonlySet<string> {
  if (task.choices !== null || count === 0) return new Set();
  const keys = users.flatMap(({ user, queries }) => queries.map(({ id }) => JSON.stringify([user, id])));
  return new Set(shuffled(keys, seededRandom(seed + 2)).slice(0, count));
}

function sessionOf(
  { models, seed = 0 }: EvaluationOptions,
  { task, sameTaskControls, otherTaskControls }: Plan,
  user: EvaluationUser,
): UserSession {
  const engines = new Map<string, ScoringEngine>();
  return {
    models,
    task,
    user,
    sameTaskControl: sameTaskControls.get(user.user) ?? null,
    otherTaskControl: otherTaskControls.get(user.user) ?? null,
    seed,
    engine(name, options) {
      const key = JSON.stringify([name, options]);
      const engine = engines.get(key) ?? createScoringEngine(models, { plug: 'plug', ...options });
      engines.set(key, engine);
      return engine;
    },
  };
}
