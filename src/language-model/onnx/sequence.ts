// One sequence in progress on an exported graph: positions go in by chunks, with the KV cache handed from call to call. What a call
// of the graph looks like is the graph's: causal-graph.ts, decoder-graph.ts.
import { PersonaPlugError } from '../../lib/errors.ts';
import { yieldToEventLoop } from '../../lib/yield-to-event-loop.ts';
import { takeFloat32, type OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import type { FlatPrompt } from '../flatten-prompt.ts';

/** The most positions of one call, which limits the memory of attention and how long an abort waits. */
const chunkLength = 256;

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

/** Positions `[start, end)` of a prompt, with `cached` ones before them; logits come from `firstLogit` on, counted from `start`. */
export interface Chunk {
  readonly positions: FlatPrompt;
  readonly start: number;
  readonly end: number;
  readonly firstLogit: number;
  readonly cached: number;
}

type Tensors = Readonly<Record<string, OnnxTensor>>;

/** How a graph runs a chunk. Tensors in, tensors out: whoever gets them disposes of them. */
export interface ChunkGraph {
  readonly vocabularySize: number;
  /** The cache of no positions, by the names of the graph's inputs. */
  emptyCache(): Tensors;
  /** Runs a chunk; `cache` stays the caller's. The new cache has the names of inputs. */
  run(chunk: Chunk, cache: Tensors): Promise<{ readonly logits: OnnxTensor | undefined; readonly cache: Tensors }>;
}

/** Starts an empty sequence. */
export function startSequence(graph: ChunkGraph): Sequence {
  let cache = graph.emptyCache();
  let length = 0;
  let isDisposed = false;

  async function runChunk(chunk: Chunk): Promise<Float32Array> {
    const outputs = await graph.run(chunk, cache);
    if (isDisposed) {
      // The sequence was closed while the runtime was busy, so its outputs have to be released here.
      outputs.logits?.dispose();
      disposeAll(outputs.cache);
      throw new PersonaPlugError('closed', 'The sequence was closed while it ran.');
    }
    disposeAll(cache);
    cache = outputs.cache;
    length += chunk.end - chunk.start;
    return takeFloat32(outputs.logits, 'logits');
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
        const flat = await runChunk({ positions, start, end, firstLogit, cached: length });
        for (let position = Math.max(firstWanted, start); position < end; position++) {
          const row = (position - start - firstLogit) * graph.vocabularySize;
          rows.push(flat.slice(row, row + graph.vocabularySize));
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
      disposeAll(cache);
    },
  };
}

/** Releases tensors. */
export function disposeAll(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/** @throws PersonaPlugError `model-mismatch` when a graph lacks an input. */
export function checkInputs(inputNames: readonly string[], needed: readonly string[], name: string): void {
  const missing = needed.filter((input) => !inputNames.includes(input));
  if (missing.length === 0) return;
  throw new PersonaPlugError(
    'model-mismatch',
    `The graph of ${name} has no input ${missing.join(', ')}; it has ${inputNames.join(', ')}. Export it with training/.`,
  );
}
