// The projector: turns an item's two vectors into m numbers, and the weighted mean of these into the persona's rows. In PPlug both
// layers are inside the sum. The second one is linear and Σ w = 1, so it can be applied to the sum, and an item costs m numbers.
import { PersonaPlugError } from '../lib/errors.ts';
import { applyLinear } from './apply-linear.ts';
import type { Plug } from './plug.ts';

/** The vectors of an item that enter the persona: h and o, unit vectors `[d]`. */
export interface ProjectedVectors {
  readonly input: Float32Array;
  readonly output: Float32Array;
}

/**
 * z = gelu(A·[h ; o] + a): `[d]`, `[d]` to `[m]`. Depends on this item and the plug alone. For a task whose outputs the
 * plug leaves out, as PPlug does for tags and scores, o is zeros.
 */
export function projectItem(plug: Plug, task: string, { input, output }: ProjectedVectors): Float32Array<ArrayBuffer> {
  if (input.length !== plug.dim || output.length !== plug.dim) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The plug "${plug.name}" takes vectors of ${plug.dim} numbers, these have ${input.length} and ${output.length}. ` +
        'Embed the items with the embedder of the plug.',
      { details: { expected: plug.dim, input: input.length, output: output.length } },
    );
  }
  const both = new Float32Array(2 * plug.dim);
  both.set(input);
  if (plug.withoutOutputs?.includes(task) !== true) both.set(output, plug.dim);
  return applyLinear(plug.projector, both).map(geluTanh);
}

/** P = B·Σ wᵢ·zᵢ + b: `[k, h]`, row-major. */
export function personaRows(
  plug: Plug,
  weights: readonly number[],
  projections: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const mean = new Float64Array(plug.projectorWidth);
  for (const [index, projection] of projections.entries()) {
    const weight = weights[index] ?? 0;
    for (let column = 0; column < mean.length; column++) {
      mean[column] = (mean[column] ?? 0) + weight * (projection[column] ?? 0);
    }
  }
  return applyLinear(plug.output, Float32Array.from(mean));
}

const sqrtTwoOverPi = Math.sqrt(2 / Math.PI);

/** GELU in the tanh form: the form of `torch.nn.functional.gelu(approximate="tanh")`. */
function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(sqrtTwoOverPi * (x + 0.044715 * x * x * x)));
}
