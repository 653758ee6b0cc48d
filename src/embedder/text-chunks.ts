// How a text that is longer than the model's window is read: in chunks, each embedded as a text of its own. Python cuts in the same way
// (training/data/text_chunks.py), and the golden package holds both to it.
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { poolChunks } from './pooling.ts';

/** So many chunks of a text are embedded at most: a text of 100,000 characters would otherwise take a minute on wasm. */
export const mostChunks = 8;

/**
 * The way vectors are made, which is stored with them. 1 (where nothing is stored): a text was cut after its first chunk. 2: the mean of
 * its chunks. Both give the same bits for a text of one chunk.
 */
export const vectorVersion = 2;

/** How much of a text its vector is made of, counted in tokens without `[CLS]` and `[SEP]`. */
export interface TextCoverage {
  readonly tokens: number;
  /** Equal to `tokens` unless the text has more than 8 chunks. */
  readonly embeddedTokens: number;
  readonly chunks: number;
}

/**
 * Where the chunks of a text of `tokens` tokens begin and end, for chunks of at most `longest` tokens.
 *
 * Where 8 chunks are enough they are contiguous, and as even as whole tokens allow: full chunks would leave a last one of perhaps a single
 * token, which without its context has a vector that says little. A longer text gets 8 full chunks, the first at its beginning, the last
 * at its end, the others at even distances.
 */
export function chunkBounds(tokens: number, longest: number): readonly (readonly [start: number, end: number])[] {
  const needed = Math.max(1, Math.ceil(tokens / longest));
  if (needed <= mostChunks) {
    const bound = (chunk: number): number => Math.floor((chunk * tokens) / needed);
    return Array.from({ length: needed }, (_, chunk) => [bound(chunk), bound(chunk + 1)] as const);
  }
  return Array.from({ length: mostChunks }, (_, chunk) => {
    const start = Math.floor((chunk * (tokens - longest)) / (mostChunks - 1));
    return [start, start + longest] as const;
  });
}

export function coverageOf(tokens: number, longest: number): TextCoverage {
  const bounds = chunkBounds(tokens, longest);
  return {
    tokens,
    embeddedTokens: bounds.reduce((sum, [start, end]) => sum + end - start, 0),
    chunks: bounds.length,
  };
}

/** How a text is embedded beside other calls. */
export interface EmbedOptions {
  readonly signal?: AbortSignal;
  /**
   * Runs the work of one chunk. Who shares an embedder gives the turn in a queue here, so that other texts get theirs between the chunks
   * of a long one.
   *
   * @defaultValue runs it at once
   */
  readonly turn?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The unit vector of a text of these tokens, from the unit vectors `[dim]` that `embedChunk` makes of its chunks. */
export async function embedInChunks<Token>(
  tokens: readonly Token[],
  longest: number,
  embedChunk: (chunk: readonly Token[]) => Promise<Float32Array<ArrayBuffer>>,
  { signal, turn = async (work) => await work() }: EmbedOptions,
): Promise<Float32Array<ArrayBuffer>> {
  const made: { vector: Float32Array<ArrayBuffer>; tokens: number }[] = [];
  for (const [start, end] of chunkBounds(tokens.length, longest)) {
    // A run on wasm blocks the event loop: without this, an abort would not be heard before the last chunk.
    if (made.length > 0) await yieldToEventLoop();
    signal?.throwIfAborted();
    const vector = await turn(async () => await embedChunk(tokens.slice(start, end)));
    signal?.throwIfAborted();
    made.push({ vector, tokens: end - start });
  }
  return poolChunks(made);
}
