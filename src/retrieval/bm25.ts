// Okapi BM25 over whitespace tokens, LaMP's sparse retriever (arXiv 2304.11406). The same numbers as
// training/data/retrieval.py.
import { whitespaceTokens } from './whitespace-tokens.ts';

/** Saturation of a term's frequency, strength of the length norm, and the floor of a common term's idf. */
const bm25Parameters = { k1: 1.5, b: 0.75, epsilon: 0.25 } as const;

/**
 * Scores `documents` for a query: `[n]`, higher is more alike; 0 where no token is shared. A token that more than half of the
 * documents hold would have a negative idf; it gets a quarter of the mean idf instead, which in a tiny collection may itself
 * be negative. The order of the documents changes no bit of a score.
 *
 * @example
 * ```ts
 * const scores = bm25Scores('late trains', ['Trains run late again', 'A recipe for bread']);
 * ```
 */
export function bm25Scores(query: string, documents: readonly string[]): Float64Array {
  const { k1, b } = bm25Parameters;
  const counted = documents.map((document) => countTokens(whitespaceTokens(document)));
  const lengths = counted.map((counts) => sum(counts.values()));
  const meanLength = sum(lengths) / Math.max(1, documents.length) || 1;
  const idf = inverseDocumentFrequencies(counted);
  const tokens = whitespaceTokens(query);
  return Float64Array.from(counted, (counts, index) => {
    const lengthNorm = 1 - b + (b * (lengths[index] ?? 0)) / meanLength;
    let score = 0;
    for (const token of tokens) {
      const frequency = counts.get(token) ?? 0;
      if (frequency > 0) score += (idf(token) * frequency * (k1 + 1)) / (frequency + k1 * lengthNorm);
    }
    return score;
  });
}

function inverseDocumentFrequencies(counted: readonly ReadonlyMap<string, number>[]): (token: string) => number {
  const holders = countTokens(counted.flatMap((counts) => [...counts.keys()]));
  const raw = (count: number): number => Math.log(counted.length - count + 0.5) - Math.log(count + 0.5);
  // Summed by count and not by token, so that the order of the documents cannot change the last bit.
  const tokensByCount = countTokens(holders.values());
  const total = [...tokensByCount].sort(([a], [c]) => a - c).reduce((all, [count, n]) => all + n * raw(count), 0);
  const floor = (bm25Parameters.epsilon * total) / Math.max(1, holders.size);
  return (token) => {
    const value = raw(holders.get(token) ?? 0);
    return value >= 0 ? value : floor;
  };
}

function countTokens<T>(tokens: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
