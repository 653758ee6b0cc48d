// The persona with the gate forced open: shows what each decision of the gate would have cost or gained.
import { engineMethod, ownHistory } from '../engine-method.ts';

export const personaOpen = engineMethod({
  name: 'persona-open',
  description: "The user's persona, gate forced open.",
  history: ownHistory,
  request: { persona: 'always' },
});
