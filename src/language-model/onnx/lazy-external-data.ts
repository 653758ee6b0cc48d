// External data that is computed when the runtime asks for it. The file would be 540 MB for a model of 135 million parameters, and the
// runtime copies it into its heap: with the real file, both would be in memory at once.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { WeightRange } from './weight-table.ts';

export interface LazyExternalData {
  /** To be given to the runtime in place of the file's bytes. Has their length and nothing else. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What went wrong while the runtime asked. It swallows what `subarray` throws and reports a failure of its own. */
  readonly failure: () => unknown;
  /** @throws PersonaPlugError `runtime-failed` when the runtime took the weights in another way than tensor by tensor. */
  readonly checkComplete: () => void;
}

export interface LazyExternalDataOptions {
  /** Bytes of the whole file. */
  readonly bytes: number;
  readonly ranges: readonly WeightRange[];
  /** Computes the numbers of one range. */
  readonly widen: (range: WeightRange, target: Float32Array) => void;
  /** Called after each range with how many are done. What it throws ends the load. */
  readonly onRange?: (done: number) => void;
}

/**
 * Makes the stand-in for the file.
 *
 * onnxruntime-web keeps external data as the Uint8Array that it was given and copies one initializer at a time:
 * `heap.set(data.subarray(offset, offset + length), address)`, after a look at `data.byteLength`. So an array whose own properties
 * `byteLength`, `length` and `subarray` hide the inherited ones can compute each tensor on demand. This is no documented interface:
 * `checkComplete` finds a version that reads in another way, which would get no bytes and run on zeros.
 */
export function lazyExternalData({ bytes, ranges, widen, onRange }: LazyExternalDataOptions): LazyExternalData {
  const byOffset = new Map(ranges.map((range) => [range.offset, range]));
  const asked = new Set<number>();
  let failure: unknown;
  // One buffer for all: the runtime copies before it asks again.
  let scratch = new Float32Array(0);

  function compute(start: number, end: number): Uint8Array {
    const range = byOffset.get(start);
    if (range === undefined || end - start !== range.length)
      throw readOtherwise(`It asked for bytes ${start} to ${end}, which is no tensor.`);
    const length = range.length / 4;
    if (scratch.length < length) scratch = new Float32Array(length);
    const target = scratch.subarray(0, length);
    widen(range, target);
    asked.add(start);
    onRange?.(asked.size);
    return new Uint8Array(target.buffer, 0, range.length);
  }

  const data = new Uint8Array(0);
  Object.defineProperties(data, {
    byteLength: { value: bytes },
    length: { value: bytes },
    subarray: {
      value: (start: number, end: number) => {
        try {
          return compute(start, end);
        } catch (error) {
          failure ??= error;
          throw error;
        }
      },
    },
  });
  return {
    data,
    failure: () => failure,
    checkComplete() {
      scratch = new Float32Array(0);
      const missing = ranges.find(({ offset }) => !asked.has(offset));
      if (missing !== undefined) throw readOtherwise(`It never asked for ${missing.name}.`);
    },
  };
}

function readOtherwise(fact: string): PersonaPlugError {
  return new PersonaPlugError(
    'runtime-failed',
    `onnxruntime-web reads external weights in another way than tensor by tensor. ${fact} Install the version that persona-plug names as its peer.`,
  );
}
