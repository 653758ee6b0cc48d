// The contract of a language model that takes text as token ids and personas as rows of input embeddings.
import type { WeightAdapter } from '../adapter/weight-adapter.ts';
import type { DeviceChoice } from '../lib/device.ts';
import type { LogitBias } from './decoding/logit-bias.ts';

/** A part of a prompt: token ids, or soft rows `[count, hiddenSize]` in place of token embeddings. */
export type PromptSegment =
  | { readonly kind: 'ids'; readonly ids: readonly number[] }
  | { readonly kind: 'rows'; readonly rows: Float32Array; readonly count: number };

/** Sampling settings. Greedy unless a temperature above 0 is given. */
export interface SamplingOptions {
  /** @defaultValue 0 (greedy) */
  readonly temperature?: number;
  /** Nucleus mass in (0, 1]. @defaultValue 1 */
  readonly topP?: number;
  /** Seed of the random numbers; equal seeds give equal answers on one backend. */
  readonly seed?: number;
  /** A free answer repeats no sequence of that many tokens; 0: it may. @defaultValue the task's in a request, else 0 */
  readonly noRepeatNgramSize?: number;
}

export interface GenerateTokensOptions extends SamplingOptions {
  readonly maximumNewTokens: number;
  /** Generation ends before any of these texts; they are never emitted. */
  readonly stopStrings?: readonly string[];
  /** The answer must be one of these texts: greedy decoding under a trie of their tokens. */
  readonly choices?: readonly string[];
  /** Added to a token's logit until the answer has it, in free answers and among choices. @defaultValue none */
  readonly logitBias?: LogitBias;
  readonly signal?: AbortSignal;
}

/** One step of a stream. `text` may be empty while a character is incomplete. */
export interface TokenDelta {
  readonly token: number;
  readonly text: string;
}

export type FinishReason = 'end-token' | 'stop-string' | 'length' | 'choice';

export interface GenerationUsage {
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly finishReason: FinishReason;
}

/** The part of a model's tokenizer that prompts and parsers need. */
export interface TextTokenizer {
  /** Ids of plain text: special tokens inside it are encoded as text, and nothing is added. */
  encode(text: string): number[];
  /** Text of ids; control tokens are left out. */
  decode(ids: readonly number[]): string;
  /** The id of a control token by its name, e.g. `<|bos|>`. @throws PersonaPlugError `invalid-argument` when there is none. */
  controlToken(name: string): number;
}

export interface LanguageModel extends AsyncDisposable {
  readonly name: string;
  readonly fingerprint: string;
  readonly runtime: 'webllm' | 'onnx';
  readonly device: DeviceChoice;
  readonly hiddenSize: number;
  readonly contextWindow: number;
  /** Ids that end an answer; the first is the one that a finished answer is scored with. */
  readonly endTokens: readonly number[];
  readonly tokenizer: TextTokenizer;
  /**
   * Streams a continuation of the prompt; the return value says how it ended. Yields to the event loop between tokens.
   *
   * @throws PersonaPlugError `invalid-prompt` (too long, wrong row width, NaN), `device-lost`, or `signal.reason` when aborted.
   */
  generate(
    prompt: readonly PromptSegment[],
    options: GenerateTokensOptions,
  ): AsyncGenerator<TokenDelta, GenerationUsage, void>;
  /**
   * Uses an adapter from now on; null removes it and restores the weights exactly. Must not be called during an answer. Absent where
   * the runtime takes no adapters.
   *
   * @throws PersonaPlugError `model-mismatch` when its numbers do not fit, or the weights cannot be changed.
   */
  readonly useAdapter?: (adapter: WeightAdapter | null) => Promise<void>;
  /** The kinds of adapter that `useAdapter` takes. @defaultValue all */
  readonly adapterKinds?: readonly WeightAdapter['kind'][];
  /** Logits after the prompt and after each of `continuation`: `[1 + continuation.length, vocabularySize]`, for parity checks and likelihoods. */
  logits(
    prompt: readonly PromptSegment[],
    continuation: readonly number[],
    options?: { signal?: AbortSignal },
  ): Promise<Float32Array[]>;
}
