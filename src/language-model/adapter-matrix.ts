// Reads the matrices of an adapter, checked.
import { PersonaPlugError } from '../lib/errors.ts';
import type { WeightAdapter } from './language-model.ts';

/** @throws PersonaPlugError `model-mismatch` when there is no such matrix, or it has another shape. */
export function adapterMatrix(
  adapter: WeightAdapter,
  layer: number,
  projection: 'q' | 'v',
  matrix: 'A' | 'B',
  shape: readonly [number, number],
): Float32Array {
  const name = `layers.${layer}.${projection}.${matrix}`;
  const found = adapter.matrices.get(name);
  if (found !== undefined && found.shape.join() === shape.join()) return found.data;
  throw new PersonaPlugError(
    'model-mismatch',
    `The adapter should hold ${name} [${shape.join(', ')}]; it holds ${found === undefined ? 'nothing' : `[${found.shape.join(', ')}]`}. Train it for this model.`,
    { details: { matrix: name } },
  );
}
