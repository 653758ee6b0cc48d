// Runs the exported graph of a causal language model: each call runs one chunk of positions and takes the KV cache of the call before.
// Sampling and text are not its concern.
import { PersonaPlugError } from '../../lib/errors.ts';
import { yieldToEventLoop } from '../../lib/yield-to-event-loop.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import { takeFloat32, type OnnxSession, type OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import type { FlatPrompt } from '../flatten-prompt.ts';

/** The most positions of one call, which limits the memory of attention and how long an abort waits. */
const chunkLength = 256;

const inputNames = ['input_ids', 'soft_rows', 'is_soft', 'first_logit', 'past_key_values'];

/** One sequence in progress. Owns its KV cache. */
export interface Sequence extends Disposable {
  /** Positions in the KV cache. */
  readonly length: number;
  /**
   * Appends positions and gives the logits of the last `lastLogits` of them, each `[vocabulary]`. The signal is checked between chunks.
   *
   * @throws PersonaPlugError `runtime-failed`, `device-lost`, `closed`; `signal.reason`.
   */
  append(
    positions: FlatPrompt,
    lastLogits: number,
    options?: { signal?: AbortSignal | undefined; onChunk?: ((done: number) => void) | undefined },
  ): Promise<Float32Array[]>;
}

/** @throws PersonaPlugError `model-mismatch` when the graph was not exported by training/. */
export function checkCausalGraph(session: OnnxSession, name: string): void {
  const missing = inputNames.filter((input) => !session.inputNames.includes(input));
  if (missing.length === 0) return;
  throw new PersonaPlugError(
    'model-mismatch',
    `The graph of ${name} has no input ${missing.join(', ')}; it has ${session.inputNames.join(', ')}. Export it with training/.`,
  );
}

/** Starts an empty sequence. `adapter` holds further inputs of every run, which the caller disposes of. */
export function startSequence(
  session: OnnxSession,
  model: LanguageModelManifest['languageModel'],
  adapter: Readonly<Record<string, OnnxTensor>> = {},
): Sequence {
  const { layers, kvHeads, headDim, hiddenSize, vocabularySize } = model;
  let cache: OnnxTensor = session.float32(new Float32Array(0), [layers, 2, kvHeads, 0, headDim]);
  let length = 0;
  let isDisposed = false;

  /** Runs positions `[start, end)`; logits come from `firstLogit` on, counted from `start`. */
  async function runChunk(
    positions: FlatPrompt,
    start: number,
    end: number,
    firstLogit: number,
  ): Promise<Float32Array> {
    const count = end - start;
    const inputs = {
      input_ids: session.int64(positions.ids.slice(start, end), [count]),
      soft_rows: session.float32(positions.rows.slice(start * hiddenSize, end * hiddenSize), [count, hiddenSize]),
      is_soft: session.bool(positions.isSoft.slice(start, end), [count]),
      first_logit: session.int64([firstLogit], [1]),
    };
    const outputs = await session.run({ ...inputs, ...adapter, past_key_values: cache });
    for (const input of Object.values(inputs)) input.dispose();
    const { logits, present_key_values: present } = outputs;
    if (present === undefined)
      throw new PersonaPlugError('runtime-failed', 'The graph has no output present_key_values. Export it again.');
    if (isDisposed) {
      // The sequence was closed while the runtime was busy, so its outputs have to be released here.
      logits?.dispose();
      present.dispose();
      throw new PersonaPlugError('closed', 'The sequence was closed while it ran.');
    }
    cache.dispose();
    cache = present;
    length += count;
    return takeFloat32(logits, 'logits');
  }

  return {
    get length() {
      return length;
    },
    async append(positions, lastLogits, { signal, onChunk } = {}) {
      const firstWanted = positions.length - lastLogits;
      const rows: Float32Array[] = [];
      for (let start = 0; start < positions.length; start += chunkLength) {
        signal?.throwIfAborted();
        const end = Math.min(start + chunkLength, positions.length);
        // A chunk whose logits are not needed still computes its last row, since some backends fail on an empty output.
        const firstLogit = Math.min(Math.max(firstWanted - start, 0), end - start - 1);
        const flat = await runChunk(positions, start, end, firstLogit);
        for (let position = Math.max(firstWanted, start); position < end; position++) {
          const row = (position - start - firstLogit) * vocabularySize;
          rows.push(flat.slice(row, row + vocabularySize));
        }
        onChunk?.(end);
        // On wasm a run blocks and its result comes in a microtask: without this, no abort could arrive in between.
        if (positions.length > 1) await yieldToEventLoop();
      }
      signal?.throwIfAborted();
      return rows;
    },
    [Symbol.dispose]() {
      if (isDisposed) return;
      isDisposed = true;
      cache.dispose();
    },
  };
}
