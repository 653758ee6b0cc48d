// Her history in a sentence before the prompt (PAG, arXiv 2310.20081), counted and not written by a language model.
import type { RetrievalOptions } from '../../engine/personalizer.ts';
import { engineMethod, ownHistory } from '../engine-method.ts';

export const profile = engineMethod({
  name: 'profile',
  description: 'A textual profile of her history, in the prompt.',
  history: ownHistory,
  request: { persona: 'none', profile: true },
});

/** What OPPU's paper combines its adapters with. */
export const profileWithRetrieved = (method: RetrievalOptions['method'], count: number) =>
  engineMethod({
    name: `profile+${method}-${count}`,
    description: `A textual profile, and ${count === 1 ? 'the item' : `the ${count} items`} of hers that ${method} ranks first, in the prompt.`,
    history: ownHistory,
    request: { persona: 'none', profile: true, retrieval: { method, count } },
  });
