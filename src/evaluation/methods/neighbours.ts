// A vote of the user's past answers, weighted by the similarity of their inputs, without a language model: how much of the answer is
// already in the history.
import { dotProduct } from '../../lib/dot-product.ts';
import { yieldToEventLoop } from '../../lib/yield-to-event-loop.ts';
import type { EvaluationQuery } from '../data/evaluation-task.ts';
import type { Measurement, Method } from '../method.ts';

/** How strongly a vote follows the cosine: e^(10·cos). This and the smoothing were chosen on dev users, so that the baseline is strong. */
const temperature = 10;
/** Votes that are added to every answer, so that none has probability 0. */
const smoothing = 0.1;

export const neighbours: Method = {
  name: 'neighbours',
  description:
    "A vote of the user's past answers, weighted by similarity, without a language model; for text the answer to the nearest input.",
  unavailable: () => null,
  prepare({ models: { embedder }, task }) {
    return {
      async answer(query, { signal, withAnswer }) {
        const embed = async (text: string): Promise<Float32Array> => await embedder.embed(text, { signal });
        const asked = await embed(query.input);
        const cosines: number[] = [];
        for (const { input } of query.history) {
          // Unit vectors: their dot product is their cosine.
          cosines.push(dotProduct(asked, await embed(input)));
          await yieldToEventLoop();
        }
        return task.choices === null
          ? nearest(query, cosines, withAnswer)
          : vote(query, cosines, task.choices, withAnswer);
      },
    };
  },
};

/** The vote as a distribution over the choices: n votes in all, plus the smoothing. */
function vote(
  { history, output }: Pick<EvaluationQuery, 'history' | 'output'>,
  cosines: readonly number[],
  choices: readonly string[],
  withAnswer: boolean,
): Measurement {
  const weights = cosines.map((value) => Math.exp(temperature * value));
  const total = weights.reduce((a, b) => a + b, 0);
  const votes = new Map(choices.map((choice) => [choice, smoothing]));
  for (const [index, item] of history.entries()) {
    const own = votes.get(item.output);
    // An answer that is not one of the choices has no vote.
    if (own !== undefined) votes.set(item.output, own + (history.length * (weights[index] ?? 0)) / total);
  }
  const sum = [...votes.values()].reduce((a, b) => a + b, 0);
  const winner = [...votes].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', -1] as [string, number]);
  return {
    nll: -Math.log((votes.get(output) ?? smoothing) / sum),
    tokens: 1,
    ...(withAnswer ? { answer: winner[0] } : {}),
    historySize: history.length,
  };
}

function nearest({ history }: EvaluationQuery, cosines: readonly number[], withAnswer: boolean): Measurement {
  // A tie goes to the newer item.
  const best = cosines.reduce((best, value, index) => (value >= (cosines[best] ?? -Infinity) ? index : best), 0);
  const answer = withAnswer ? { answer: history[best]?.output ?? null } : {};
  return { nll: null, tokens: null, ...answer, historySize: history.length };
}
