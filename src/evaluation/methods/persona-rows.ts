// The persona's rows alone, without unigram adaptation.
import { engineMethod, ownHistory } from '../engine-method.ts';

export const personaRows = engineMethod({
  name: 'persona-rows',
  description: "The user's persona without unigram adaptation: rows of input embeddings alone.",
  history: ownHistory,
  request: { persona: 'auto', unigramAdaptation: false },
});
