// Which earlier items a request wants in its prompt.
import type { HistoryItem } from '../history/history-item.ts';
import { bm25Scores } from '../retrieval/bm25.ts';
import { denseScores } from '../retrieval/dense.ts';
import { recencyScores } from '../retrieval/recency.ts';
import { selectTop } from '../retrieval/select-top.ts';
import type { Recalled } from './recall.ts';
import type { GenerateRequest, RetrievalOptions, RetrievedScore } from './personalizer.ts';

/** The best of the recalled items, most relevant first; empty when the request asks for none. */
export function retrieve({ retrieval, input }: GenerateRequest, recalled: Recalled): RetrievedScore[] {
  if (retrieval === undefined) return [];
  const { items, scores } = scoredItems(retrieval.method, input, recalled);
  return selectTop(scores, retrieval.count).flatMap((place) => {
    const item = items[place];
    return item === undefined ? [] : [{ item, score: scores[place] ?? 0 }];
  });
}

function scoredItems(
  method: RetrievalOptions['method'],
  input: string,
  { items, vectors, query }: Recalled,
): { readonly items: readonly HistoryItem[]; readonly scores: Float64Array } {
  switch (method) {
    case 'bm25': {
      const documents = items.map((item) => item.input);
      return { items, scores: bm25Scores(input, documents) };
    }
    case 'recency':
      return { items, scores: recencyScores(items.length) };
    case 'dense': {
      // An empty history has no vectors.
      if (vectors === null || query === null) return { items: [], scores: new Float64Array(0) };
      const inputs = vectors.map((item) => item.input);
      return { items: vectors.map(({ recalled }) => recalled.item), scores: denseScores(query, inputs) };
    }
    default:
      return method satisfies never;
  }
}
