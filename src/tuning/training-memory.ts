// How much memory a training takes and how much there is, before anything is loaded: a tab that runs out
// of memory is ended without an error.
import { PersonaPlugError } from '../lib/errors.ts';
import { longestAnswer, longestSequence } from './example.ts';
import type { LlamaShape } from './llama-weights.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const float = 4;

/**
 * Bytes at the peak: the longest sequence with the longest answer. The factors are those of jax-js 0.1.25 on wasm, whose memory was
 * measured over lengths of 32 to 256 and answers of 32 to 128: it keeps every intermediate result of the backward pass.
 */
export function trainingMemory(shape: LlamaShape, weightCount: number): number {
  const { hiddenSize, feedForwardSize, vocabularySize, layers, heads, kvHeads, headDim } = shape;
  // The file in bfloat16, widened, and on the device, where the backward pass turns some of them around.
  const weights = weightCount * (2 + float + 2.5 * float);
  const widths = 6 * hiddenSize + 3 * feedForwardSize + 2 * (heads + 2 * kvHeads) * headDim;
  const activations = layers * longestSequence * 8 * widths * float;
  const attention = layers * 6 * heads * longestSequence ** 2 * float;
  const logits = 8 * longestAnswer * vocabularySize * float;
  return weights + activations + attention + logits;
}

/** What a device can give to a training, and how that is known. */
export interface AvailableMemory {
  readonly bytes: number;
  /** For the error's message. */
  readonly reason: string;
}

export interface MemoryFacts {
  readonly device: 'wasm' | 'webgpu';
  /** Bytes that the application gives. */
  readonly limit?: number | undefined;
  /** GiB, as `navigator.deviceMemory` rounds it; undefined where the browser does not say. */
  readonly deviceMemory?: number | undefined;
}

/** Browsers report at most this many GiB, to hide what machine it is: there may be more. */
const largestReported = 8;

/** The least of what is known. */
export function availableMemory({ device, limit, deviceMemory }: MemoryFacts): AvailableMemory {
  const known: AvailableMemory[] = [{ bytes: Infinity, reason: 'no bound is known' }];
  if (limit !== undefined) known.push({ bytes: limit, reason: 'the application gives no more (memoryLimit)' });
  if (device === 'wasm') known.push({ bytes: 4 * gibibyte, reason: 'wasm has no larger memory' });
  if (deviceMemory !== undefined && deviceMemory < largestReported) {
    known.push({ bytes: (deviceMemory * gibibyte) / 2, reason: `half of the device's ${deviceMemory} GiB` });
  }
  return known.reduce((least, one) => (one.bytes < least.bytes ? one : least));
}

/** @throws PersonaPlugError `memory-insufficient` with both numbers, in bytes in its details. */
export function assertMemory(name: string, needed: number, { bytes, reason }: AvailableMemory): void {
  if (needed <= bytes) return;
  throw new PersonaPlugError(
    'memory-insufficient',
    `Training on "${name}" needs about ${inMebibytes(needed)} MiB of memory, and there are ${inMebibytes(bytes)} MiB: ${reason}. ` +
      'Train on a device with more memory, or with a smaller language model.',
    { details: { needed, available: bytes } },
  );
}

function inMebibytes(bytes: number): number {
  return Math.ceil(bytes / mebibyte);
}

/** The border: not every browser reports it, and the platform's types lack it. */
export function reportedDeviceMemory(): number | undefined {
  const reported: unknown = 'navigator' in globalThis ? Reflect.get(globalThis.navigator, 'deviceMemory') : undefined;
  return typeof reported === 'number' ? reported : undefined;
}
