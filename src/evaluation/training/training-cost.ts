// One line of costs.jsonl: the cost of a method's training for one user.
import * as v from 'valibot';
import type { TrainedAdapter } from './trained-adapter.ts';

export const trainingCostSchema = v.object({
  task: v.string(),
  user: v.string(),
  method: v.string(),
  result: v.picklist(['kept', 'no-gain', 'too-few-items']),
  items: v.number(),
  steps: v.number(),
  seconds: v.number(),
  /** Size of the adapter's tensors; 0 where none is kept. */
  bytes: v.number(),
  startLoss: v.nullable(v.number()),
  loss: v.nullable(v.number()),
});

export type TrainingCost = v.InferOutput<typeof trainingCostSchema>;

export function costOf(
  { task, user, method }: Pick<TrainingCost, 'task' | 'user' | 'method'>,
  { record, ...rest }: TrainedAdapter,
): TrainingCost {
  const { result, items, steps, seconds, startLoss, loss } = rest;
  return { task, user, method, result, items, steps, seconds, bytes: record?.tensors.byteLength ?? 0, startLoss, loss };
}

/** The key of a cost: task, user and method. */
export function costKeyOf({ task, user, method }: Pick<TrainingCost, 'task' | 'user' | 'method'>): string {
  return JSON.stringify([task, user, method]);
}
