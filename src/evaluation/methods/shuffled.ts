// Another user's persona. A gain that this control has too is task adaptation and not personalization.
import { anotherUsersHistory, engineMethod } from '../engine-method.ts';

export const shuffled = engineMethod({
  name: 'shuffled',
  description: "The persona of another user's history, where the gate opens.",
  history: anotherUsersHistory,
  request: { persona: 'auto' },
});

export const shuffledOpen = engineMethod({
  name: 'shuffled-open',
  description: "The persona of another user's history, gate forced open.",
  history: anotherUsersHistory,
  request: { persona: 'always' },
});
