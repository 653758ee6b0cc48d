// Her history in a sentence before the prompt (PAG, arXiv 2310.20081), counted and not written by a language model.
import { engineMethod, ownHistory } from '../engine-method.ts';

export const profile = engineMethod({
  name: 'profile',
  description: 'A textual profile of her history, in the prompt.',
  history: ownHistory,
  request: { persona: 'none', profile: true },
});
