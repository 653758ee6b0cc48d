// The user's history in a sentence before the prompt (PAG, arXiv 2310.20081), counted and not written by a language model.
import type { RetrievalOptions } from '../../engine/personalizer.ts';
import { engineMethod, ownHistory } from '../engine-method.ts';

export const profile = engineMethod({
  name: 'profile',
  description: "A textual profile of the user's history, in the prompt.",
  history: ownHistory,
  request: { persona: 'none', profile: true },
});

/** The combination that OPPU's paper adds its adapters to. */
export const profileWithRetrieved = (method: RetrievalOptions['method'], count: number) =>
  engineMethod({
    name: `profile+${method}-${count}`,
    description: `A textual profile, and the user's ${count === 1 ? 'item' : `${count} items`} that ${method} ranks first, in the prompt.`,
    history: ownHistory,
    request: { persona: 'none', profile: true, retrieval: { method, count } },
  });
