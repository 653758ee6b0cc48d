// Many methods build the same prompt: those with a closed gate, with an empty history and without one. The results of the last few
// prompts without rows are cached, so that the model runs once for all of these methods.
import type { GenerationUsage, LanguageModel, PromptSegment, TokenDelta } from '../language-model/language-model.ts';

/** Enough for the prompts of one query. The logits of an answer take about a megabyte. */
const cachedPrompts = 6;

interface Stream {
  readonly deltas: readonly TokenDelta[];
  readonly usage: GenerationUsage;
}

/** The same model, which runs equal prompts without rows once. Disposing of it disposes of the model. */
export function cacheLastPrompts(model: LanguageModel): LanguageModel {
  const logits = lastResults<Float32Array[]>(cachedPrompts);
  const streams = lastResults<Stream>(cachedPrompts);
  const { useAdapter } = model;
  /** Part of the key: with another adapter the same prompt has another result. */
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
      // A sampled answer is drawn anew each time.
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

/** Null for a prompt with rows, which is not cached. */
function keyOf(prompt: readonly PromptSegment[], rest: string): string | null {
  const ids: number[] = [];
  for (const segment of prompt) {
    if (segment.kind === 'rows') return null;
    ids.push(...segment.ids);
  }
  return `${ids.join(',')}|${rest}`;
}

/** Gives the result of a key from the last `size` ones, or makes it. */
function lastResults<T>(size: number): (key: string | null, make: () => Promise<T>) => Promise<T> {
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
