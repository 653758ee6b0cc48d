// Many methods come to the same prompt: a closed gate, an empty history and `none` differ in nothing. What the model said to the last
// few prompts without rows is kept, so that they cost one run.
import type { GenerationUsage, LanguageModel, PromptSegment, TokenDelta } from '../language-model/language-model.ts';

/** Prompts of one query; the logits of an answer are about a megabyte. */
const kept = 6;

interface Stream {
  readonly deltas: readonly TokenDelta[];
  readonly usage: GenerationUsage;
}

/** The same model, which answers equal prompts without rows once. It owns nothing more than the model does. */
export function cacheLastPrompts(model: LanguageModel): LanguageModel {
  const logits = lastOf<Float32Array[]>(kept);
  const streams = lastOf<Stream>(kept);
  const { useAdapter } = model;
  /** With other weights the same prompt is another question. */
  let adapter: string | null = null;
  return {
    ...model,
    ...(useAdapter === undefined
      ? {}
      : {
          async useAdapter(wanted) {
            await useAdapter(wanted);
            adapter = wanted?.id ?? null;
          },
        }),
    async logits(prompt, continuation, options) {
      const key = keyOf(prompt, JSON.stringify([adapter, continuation]));
      return await logits(key, async () => await model.logits(prompt, continuation, options));
    },
    async *generate(prompt, options) {
      const { maximumNewTokens, choices = null, stopStrings = null, temperature = 0 } = options;
      // What is sampled must be drawn anew.
      const key =
        temperature > 0 ? null : keyOf(prompt, JSON.stringify([adapter, maximumNewTokens, choices, stopStrings]));
      const { deltas, usage } = await streams(key, async () => {
        const deltas: TokenDelta[] = [];
        const stream = model.generate(prompt, options);
        let next = await stream.next();
        for (; next.done !== true; next = await stream.next()) deltas.push(next.value);
        return { deltas, usage: next.value };
      });
      yield* deltas;
      return usage;
    },
  };
}

/** Null where the prompt holds rows: no two of those are equal. */
function keyOf(prompt: readonly PromptSegment[], rest: string): string | null {
  const ids: number[] = [];
  for (const segment of prompt) {
    if (segment.kind === 'rows') return null;
    ids.push(...segment.ids);
  }
  return `${ids.join(',')}|${rest}`;
}

/** Makes results, or gives one of the last `size` again. */
function lastOf<T>(size: number): (key: string | null, make: () => Promise<T>) => Promise<T> {
  const results = new Map<string, T>();
  return async (key, make) => {
    const known = key === null ? undefined : results.get(key);
    if (known !== undefined) return known;
    const made = await make();
    if (key !== null) {
      results.set(key, made);
      const [oldest] = results.keys();
      if (results.size > size && oldest !== undefined) results.delete(oldest);
    }
    return made;
  };
}
