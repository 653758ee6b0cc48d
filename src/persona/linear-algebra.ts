// Sums of float32 numbers in float64, always in the same order, so that equal inputs give equal bits.
import type { Linear } from './plug.ts';

/** Σ aᵢ·bᵢ over `[d]`, in float64. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

/** `weight · input + bias`: `[columns]` to `[rows]`, rounded to float32 once a row. */
export function applyLinear(
  { rows, columns, weight, bias }: Linear,
  input: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const output = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    const start = row * columns;
    for (let column = 0; column < columns; column++) sum += (weight[start + column] ?? 0) * (input[column] ?? 0);
    output[row] = sum + (bias?.[row] ?? 0);
  }
  return output;
}
