// Stored weights as float32 numbers: 4 and 8 bits in blocks of 32 (llama.cpp's Q4_1 and Q8_0, repacked), bfloat16, float32.
// docs/model-format.md says how each form lies in its records. Here are loops, no files and no runtime.

export type WeightForm = 'q4_1' | 'q8_0' | 'bfloat16' | 'float32';

/** Numbers of one scale. */
const block = 32;

/** Rows `[firstRow, lastRow)` of a stored matrix; a vector is a matrix of one row. */
export interface StoredRows {
  readonly form: WeightForm;
  readonly columns: number;
  readonly firstRow: number;
  readonly lastRow: number;
  /** The whole record, from row 0 on, at the start of its buffer or at a multiple of four bytes. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** float16 numbers of the whole record; empty where the form has none. */
  readonly scales: Uint8Array<ArrayBuffer>;
}

/** What the columns of a form are a multiple of: a word of scales holds one block of q4_1 and two of q8_0. */
export function columnStep(form: WeightForm): number {
  return { q4_1: block, q8_0: 2 * block, bfloat16: 1, float32: 1 }[form];
}

/** Bytes of one row: of its values, and of its scales. */
export function bytesPerRow(form: WeightForm, columns: number): { values: number; scales: number } {
  switch (form) {
    case 'q4_1':
      return { values: columns / 2, scales: columns / 8 };
    case 'q8_0':
      return { values: columns, scales: columns / 16 };
    case 'bfloat16':
      return { values: 2 * columns, scales: 0 };
    case 'float32':
      return { values: 4 * columns, scales: 0 };
    default:
      return form satisfies never;
  }
}

/** A tile of rows whose values and results stay in the processor's cache while columns are gone through. */
const tile = 64;

/**
 * Widens rows as they lie: `target` becomes `[rows, columns]`, or with `isTransposed` `[columns, rows]`.
 *
 * scale · q is exact in a double, and so is the sum with the minimum: what is stored is rounded once, as float32 arithmetic does.
 *
 * @param float16 - `float16Table()`
 */
export function widenRows(
  stored: StoredRows,
  float16: Float32Array,
  target: Float32Array,
  { isTransposed }: { isTransposed: boolean },
): void {
  const rows = stored.lastRow - stored.firstRow;
  const [rowStep, columnStep] = isTransposed ? [1, rows] : [stored.columns, 1];
  for (let first = 0; first < rows; first += tile) {
    const range = { first, last: Math.min(first + tile, rows), rowStep, columnStep };
    switch (stored.form) {
      case 'q4_1':
        widenFourBits(stored, float16, target, range);
        break;
      case 'q8_0':
        widenEightBits(stored, float16, target, range);
        break;
      case 'bfloat16':
      case 'float32':
        copyFloats(stored, target, range);
        break;
      default:
        stored.form satisfies never;
    }
  }
}

/** Rows of a tile, counted from `firstRow`, and how far neighbours lie apart in the target. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** A word holds eight columns, the first in its lowest bits. */
function widenFourBits(
  { columns, firstRow, values, scales }: StoredRows,
  float16: Float32Array,
  target: Float32Array,
  { first, last, rowStep, columnStep }: Range,
): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
  const halves = new Uint16Array(scales.buffer, scales.byteOffset, scales.byteLength / 2);
  const wordsPerRow = columns / 8;
  const halvesPerRow = columns / 16;
  for (let word = 0; word < wordsPerRow; word++) {
    // Four words share a scale and a minimum.
    const pair = 2 * (word >> 2);
    for (let row = first; row < last; row++) {
      let bits = words[(firstRow + row) * wordsPerRow + word] ?? 0;
      const at = (firstRow + row) * halvesPerRow + pair;
      const scale = float16[halves[at] ?? 0] ?? 0;
      const minimum = float16[halves[at + 1] ?? 0] ?? 0;
      let place = row * rowStep + 8 * word * columnStep;
      for (let nibble = 0; nibble < 8; nibble++) {
        target[place] = scale * (bits & 15) + minimum;
        bits >>>= 4;
        place += columnStep;
      }
    }
  }
}

function widenEightBits(
  { columns, firstRow, values, scales }: StoredRows,
  float16: Float32Array,
  target: Float32Array,
  { first, last, rowStep, columnStep }: Range,
): void {
  const signed = new Int8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = new Uint16Array(scales.buffer, scales.byteOffset, scales.byteLength / 2);
  const blocks = columns / block;
  for (let index = 0; index < blocks; index++) {
    for (let row = first; row < last; row++) {
      const scale = float16[halves[(firstRow + row) * blocks + index] ?? 0] ?? 0;
      const start = (firstRow + row) * columns + index * block;
      let place = row * rowStep + index * block * columnStep;
      for (let column = start; column < start + block; column++) {
        target[place] = scale * (signed[column] ?? 0);
        place += columnStep;
      }
    }
  }
}

function copyFloats(
  { form, columns, firstRow, values }: StoredRows,
  target: Float32Array,
  { first, last, rowStep, columnStep }: Range,
): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const source =
    form === 'float32'
      ? new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4)
      : new Uint16Array(values.buffer, values.byteOffset, values.byteLength / 2);
  // bfloat16 is the upper half of a float32.
  const shift = form === 'float32' ? 0 : 16;
  for (let row = first; row < last; row++) {
    for (let column = 0; column < columns; column++) {
      const value = source[(firstRow + row) * columns + column] ?? 0;
      bits[row * rowStep + column * columnStep] = value << shift;
    }
  }
}
