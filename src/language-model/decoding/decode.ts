// The decoding loop from logits to tokens to text, freely or among fixed choices. It depends on no runtime, only on a function that
// appends tokens.
import { yieldToEventLoop } from '../../lib/yield-to-event-loop.ts';
import { createChoiceTrie } from './choice-trie.ts';
import { createIncrementalDecoder } from './incremental-decoder.ts';
import type { FinishReason, GenerateTokensOptions, TextTokenizer, TokenDelta } from '../language-model.ts';
import { answerBias } from './logit-bias.ts';
import { repeatingTokens, without } from './repeated-ngrams.ts';
import { argmax, createSampler } from './sampling.ts';
import { createStopStringFilter } from './stop-strings.ts';

export interface DecodeContext {
  /** Runs tokens after those that were run before, and gives the logits after the last of them, `[vocabulary]`. */
  readonly append: (tokens: readonly number[], options: { signal?: AbortSignal | undefined }) => Promise<Float32Array>;
  readonly tokenizer: TextTokenizer;
  readonly endTokens: readonly number[];
  /** Logits after the prompt, `[vocabulary]`. */
  readonly firstLogits: Float32Array;
}

export interface DecodeResult {
  readonly newTokens: number;
  readonly finishReason: FinishReason;
}

/** Decodes freely until an end token, a stop string, or `maximumNewTokens`. */
export async function* decodeFreely(
  { append, tokenizer, endTokens, firstLogits }: DecodeContext,
  { maximumNewTokens, stopStrings = [], logitBias, noRepeatNgramSize = 0, signal, ...sampling }: GenerateTokensOptions,
): AsyncGenerator<TokenDelta, DecodeResult, void> {
  const sample = createSampler(sampling);
  const bias = answerBias(logitBias);
  const taken: number[] = [];
  const decoder = createIncrementalDecoder((ids) => tokenizer.decode(ids));
  const filter = createStopStringFilter(stopStrings);
  let logits = firstLogits;
  for (let newTokens = 1; ; newTokens++) {
    const token = sample(without(bias.add(logits), repeatingTokens(taken, noRepeatNgramSize)));
    bias.take(token);
    taken.push(token);
    if (endTokens.includes(token)) {
      const text = rest(decoder.end());
      // The end token is emitted only together with text that was held back until the end.
      if (text !== '') yield { token, text };
      return { newTokens: newTokens - 1, finishReason: 'end-token' };
    }
    const { text, isStopped } = filter.push(decoder.push(token));
    if (isStopped) {
      yield { token, text };
      return { newTokens, finishReason: 'stop-string' };
    }
    if (newTokens >= maximumNewTokens) {
      yield { token, text: text + rest(decoder.end()) };
      return { newTokens, finishReason: 'length' };
    }
    yield { token, text };
    await yieldToEventLoop();
    signal?.throwIfAborted();
    logits = await append([token], { signal });
  }

  function rest(undecoded: string): string {
    const { text, isStopped } = filter.push(undecoded);
    return isStopped ? text : text + filter.end();
  }
}

/**
 * Decodes greedily along a trie of choices. Where the trie allows only one token the model is not run; such tokens are run together
 * before the next decision, which gives the same answer in fewer runs.
 */
export async function* decodeChoice(
  { append, tokenizer, endTokens, firstLogits }: DecodeContext,
  choices: readonly string[],
  { signal, logitBias }: Pick<GenerateTokensOptions, 'signal' | 'logitBias'>,
): AsyncGenerator<TokenDelta, DecodeResult, void> {
  const endToken = endTokens[0] ?? 0;
  const trie = createChoiceTrie(
    choices.map((choice) => tokenizer.encode(choice)),
    endToken,
  );
  const decoder = createIncrementalDecoder((ids) => tokenizer.decode(ids));
  const bias = answerBias(logitBias);
  const taken: number[] = [];
  let notRun: number[] = [];
  let logits = firstLogits;
  for (;;) {
    const allowed = trie.allowed(taken);
    if (allowed.length > 1 && notRun.length > 0) {
      logits = await append(notRun, { signal });
      notRun = [];
    }
    const token = allowed.length === 1 ? (allowed[0] ?? endToken) : argmax(bias.add(logits), allowed);
    bias.take(token);
    if (token === endToken) {
      const text = decoder.end();
      if (text !== '') yield { token, text };
      return { newTokens: taken.length, finishReason: 'choice' };
    }
    taken.push(token);
    notRun.push(token);
    yield { token, text: decoder.push(token) };
    await yieldToEventLoop();
    signal?.throwIfAborted();
  }
}
