// The instruction rows I(x): what a task asks of the language model, the same for every user. PPlug's I is constant (arXiv
// 2409.11901, section 3.3); here it may depend on the query, so that the model can use the embedder's reading of it.
import { PersonaPlugError } from '../lib/errors.ts';
import { applyLinear } from './apply-linear.ts';
import type { Plug } from './plug.ts';

/**
 * I(x) = I + C·D·x, `[instructionRows, hiddenSize]`, of a query's unit vector `[d]`; I alone where the plug has no D.
 *
 * @throws PersonaPlugError `model-mismatch` for a vector of another width.
 */
export function instructionRows(plug: Plug, task: string, query: Float32Array): Float32Array {
  const { instruction, instructionOutput } = plug.parametersOf(task);
  if (plug.instructionQuery !== null && query.length !== plug.instructionQuery.columns) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The plug "${plug.name}" reads ${plug.instructionQuery.columns} numbers of a query, this one has ${query.length}. Embed it with the plug's embedder.`,
      { details: { expected: plug.instructionQuery.columns, found: query.length } },
    );
  }
  if (plug.instructionQuery === null || instructionOutput === null) return instruction;
  return applyLinear({ ...instructionOutput, bias: instruction }, applyLinear(plug.instructionQuery, query));
}
