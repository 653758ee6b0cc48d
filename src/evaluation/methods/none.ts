// The prompt alone: the baseline of every other method.
import { engineMethod, noHistory } from '../engine-method.ts';

export const none = engineMethod({
  name: 'none',
  description: 'The prompt alone, without any history.',
  history: noHistory,
  request: { persona: 'none' },
});
