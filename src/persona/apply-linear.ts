// A linear layer, summed in float64 and always in the same order, so that equal inputs give equal bits.
import type { Linear } from './plug.ts';

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
