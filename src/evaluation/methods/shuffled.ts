// Another user's persona: a gain that this has too is task adaptation and not personalization.
import { anotherUsersHistory, engineMethod } from '../engine-method.ts';

export const shuffled = engineMethod({
  name: 'shuffled',
  description: "Another user's history in place of hers, behind the gate.",
  history: anotherUsersHistory,
  request: { persona: 'auto' },
});

export const shuffledOpen = engineMethod({
  name: 'shuffled-open',
  description: "Another user's history in place of hers, whatever the gate says.",
  history: anotherUsersHistory,
  request: { persona: 'always' },
});
