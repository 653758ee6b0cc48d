// A fake language model for unit tests of applications: its tokens are bytes, and the test writes its answers.
import type { LanguageModel, PromptSegment, TextTokenizer } from '../language-model/language-model.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';

const controls = ['<|end|>', '<|bos|>', '<|user|>', '<|assistant|>'];

/** The shipped model's template. */
export const scriptedPromptTemplate: readonly PromptTemplatePart[] = [
  { control: '<|bos|>' },
  { slot: 'persona' },
  { control: '<|user|>' },
  { slot: 'prompt' },
  { control: '<|assistant|>' },
];

export interface ScriptedLanguageModelOptions {
  /** Gives the answer to a prompt. @defaultValue the end of the prompt, marked where there was a persona */
  readonly answer?: (prompt: ScriptedPrompt) => string;
  /** @defaultValue 8 */
  readonly hiddenSize?: number;
  /** @defaultValue 4096 */
  readonly contextWindow?: number;
  /** @defaultValue 'c0de' repeated */
  readonly fingerprint?: string;
}

export interface ScriptedPrompt {
  readonly text: string;
  readonly hasPersona: boolean;
  readonly segments: readonly PromptSegment[];
}

/** Bytes of UTF-8, after the four control tokens. */
export const byteTokenizer: TextTokenizer = {
  encode: (text) => Array.from(new TextEncoder().encode(text), (byte) => byte + controls.length),
  decode: (ids) =>
    new TextDecoder().decode(
      Uint8Array.from(
        ids.filter((id) => id >= controls.length),
        (id) => id - controls.length,
      ),
    ),
  controlToken(name) {
    const id = controls.indexOf(name);
    if (id < 0) throw new PersonaPlugError('invalid-argument', `There is no control token ${name}.`);
    return id;
  },
};

export function scriptedLanguageModel(options: ScriptedLanguageModelOptions = {}): LanguageModel {
  const { answer = defaultAnswer, hiddenSize = 8, contextWindow = 4096, fingerprint = 'c0de'.repeat(16) } = options;
  return {
    name: 'scripted-language-model',
    fingerprint,
    runtime: 'onnx',
    device: { kind: 'wasm', reason: 'a fake needs no device', adapter: null, isFallbackAdapter: false },
    hiddenSize,
    contextWindow,
    endTokens: [0],
    tokenizer: byteTokenizer,
    async *generate(segments, { maximumNewTokens, signal, choices, stopStrings = [] }) {
      const prompt = readPrompt(segments);
      let text = answer(prompt);
      if (choices !== undefined) text = choices.includes(text) ? text : (choices[0] ?? '');
      const stop = stopStrings.map((one) => text.indexOf(one)).filter((at) => at >= 0);
      if (stop.length > 0) text = text.slice(0, Math.min(...stop));
      // One character is one token here, since tokens of single bytes would split characters.
      const characters = Array.from(text).slice(0, maximumNewTokens);
      for (const character of characters) {
        await yieldToEventLoop();
        signal?.throwIfAborted();
        yield { token: byteTokenizer.encode(character)[0] ?? 0, text: character };
      }
      const finishReason = characters.length < Array.from(text).length ? 'length' : 'end-token';
      return { promptTokens: countTokens(segments), newTokens: characters.length, finishReason };
    },
    async logits() {
      throw new PersonaPlugError('invalid-argument', 'A scripted language model has no logits. Use a real one.');
    },
    async [Symbol.asyncDispose]() {
      // Owns nothing.
    },
  };
}

function readPrompt(segments: readonly PromptSegment[]): ScriptedPrompt {
  const ids = segments.flatMap((segment) => (segment.kind === 'ids' ? segment.ids : []));
  return { text: byteTokenizer.decode(ids), hasPersona: segments.some(({ kind }) => kind === 'rows'), segments };
}

function countTokens(segments: readonly PromptSegment[]): number {
  return segments.reduce((sum, segment) => sum + (segment.kind === 'ids' ? segment.ids.length : segment.count), 0);
}

function defaultAnswer({ text, hasPersona }: ScriptedPrompt): string {
  return `${hasPersona ? 'As you would say: ' : ''}${text.slice(-40)}`;
}
