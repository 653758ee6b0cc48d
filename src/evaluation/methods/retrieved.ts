// Earlier items in the prompt, as in LaMP (arXiv 2304.11406), with and without the persona.
import type { RetrievalOptions } from '../../engine/personalizer.ts';
import { engineMethod, ownHistory } from '../engine-method.ts';

const words = { bm25: 'BM25', dense: 'the embedder', recency: 'recency' } as const;

export const retrieved = (method: RetrievalOptions['method'], count: number) =>
  engineMethod({
    name: `${method}-${count}`,
    description: `The user's ${count === 1 ? 'item' : `${count} items`} that ${words[method]} ranks first, in the prompt.`,
    history: ownHistory,
    request: { persona: 'none', retrieval: { method, count } },
  });

export const personaWithRetrieved = (method: RetrievalOptions['method'], count: number) =>
  engineMethod({
    name: `persona+${method}-${count}`,
    description: `The user's persona, and the ${count === 1 ? 'item' : `${count} items`} that ${words[method]} ranks first, in the prompt.`,
    history: ownHistory,
    request: { persona: 'auto', retrieval: { method, count } },
  });
