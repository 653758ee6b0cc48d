// One line of predictions.jsonl: what was measured of one method on one query.
import * as v from 'valibot';

export const predictionSchema = v.object({
  task: v.string(),
  user: v.string(),
  query: v.string(),
  method: v.string(),
  nll: v.nullable(v.number()),
  tokens: v.nullable(v.number()),
  answer: v.optional(v.nullable(v.string())),
  gate: v.optional(v.number()),
  isPersonaUsed: v.optional(v.boolean()),
  isTuned: v.optional(v.boolean()),
  historySize: v.number(),
});

export type Prediction = v.InferOutput<typeof predictionSchema>;

/** The key of a prediction: task, user, query and method. */
export function keyOf({ task, user, query, method }: Pick<Prediction, 'task' | 'user' | 'query' | 'method'>): string {
  return JSON.stringify([task, user, query, method]);
}
