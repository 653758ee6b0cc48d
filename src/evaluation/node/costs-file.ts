// costs.jsonl of an output folder: the cost of every adapter that was trained. A line is written before the first prediction that
// uses the adapter.
import path from 'node:path';
import { costKeyOf, type TrainingCost, trainingCostSchema } from '../training/training-cost.ts';
import { appendLine, readLines } from './json-lines.ts';

export interface CostsFile {
  /** The costs of earlier runs and of this one. */
  readonly costs: readonly TrainingCost[];
  /** Writes a cost; false where the file has it already. */
  append(cost: TrainingCost): boolean;
}

/** @throws PersonaPlugError `invalid-import` for a damaged line. */
export function openCosts(folder: string): CostsFile {
  const file = path.join(folder, 'costs.jsonl');
  const costs = readLines(file, trainingCostSchema, 'training cost');
  const known = new Set(costs.map(costKeyOf));
  return {
    costs,
    append(cost) {
      if (known.has(costKeyOf(cost))) return false;
      known.add(costKeyOf(cost));
      costs.push(cost);
      appendLine(file, cost);
      return true;
    },
  };
}
