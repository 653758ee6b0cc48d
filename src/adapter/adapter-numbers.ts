// Reads the numbers of an adapter, checked.
import { PersonaPlugError } from '../lib/errors.ts';
import type { Parameters } from './parameters.ts';
import type { LowRankAdapter, RescalingAdapter } from './weight-adapter.ts';

/** @throws PersonaPlugError `model-mismatch` when there is no such matrix, or it has another shape. */
export function adapterMatrix(
  adapter: LowRankAdapter,
  layer: number,
  projection: 'q' | 'v',
  matrix: 'A' | 'B',
  shape: readonly [number, number],
): Float32Array {
  return numbersOf(adapter.matrices, `layers.${layer}.${projection}.${matrix}`, shape);
}

/** The vector l − 1, `[size]`. @throws PersonaPlugError `model-mismatch` when there is none, or it has another size. */
export function adapterVector(
  adapter: RescalingAdapter,
  layer: number,
  place: 'k' | 'v' | 'down',
  size: number,
): Float32Array {
  return numbersOf(adapter.vectors, `layers.${layer}.${place}`, [size]);
}

function numbersOf(numbers: Parameters, name: string, shape: readonly number[]): Float32Array {
  const found = numbers.get(name);
  if (found !== undefined && found.shape.join() === shape.join()) return found.data;
  throw new PersonaPlugError(
    'model-mismatch',
    `The adapter should hold ${name} [${shape.join(', ')}]; it holds ${found === undefined ? 'nothing' : `[${found.shape.join(', ')}]`}. Train it for this model.`,
    { details: { matrix: name } },
  );
}
