// A user without a history: the gate must be closed, and the prompt must be that of `none`.
import { engineMethod, noHistory } from '../engine-method.ts';

export const empty = engineMethod({
  name: 'empty',
  description: 'The persona of an empty history.',
  history: noHistory,
  request: { persona: 'auto' },
});
