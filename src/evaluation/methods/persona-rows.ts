// The persona's rows alone: what is left of it when her own words are not made likelier.
import { engineMethod, ownHistory } from '../engine-method.ts';

export const personaRows = engineMethod({
  name: 'persona-rows',
  description: 'Her persona without her own words: rows of input embeddings alone.',
  history: ownHistory,
  request: { persona: 'auto', unigramAdaptation: false },
});
