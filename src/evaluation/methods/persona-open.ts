// The persona with the gate forced open: what the gate decides about.
import { engineMethod, ownHistory } from '../engine-method.ts';

export const personaOpen = engineMethod({
  name: 'persona-open',
  description: 'Her persona whatever the gate says.',
  history: ownHistory,
  request: { persona: 'always' },
});
