// The instruction rows I(x): what a task asks of the language model, the same for every user. PPlug's I is constant (arXiv
// 2409.11901, section 3.3); here it may follow the query, so that the model profits from what the embedder reads in it.
import { applyLinear } from './linear-algebra.ts';
import type { Plug } from './plug.ts';

/** I(x) = I + C·D·x, `[instructionRows, hiddenSize]`, of a query's unit vector `[d]`; I alone where the plug has no D. */
export function instructionRows(plug: Plug, task: string, query: Float32Array): Float32Array {
  const { instruction, instructionOutput } = plug.parametersOf(task);
  if (plug.instructionQuery === null || instructionOutput === null) return instruction;
  return applyLinear({ ...instructionOutput, bias: instruction }, applyLinear(plug.instructionQuery, query));
}
