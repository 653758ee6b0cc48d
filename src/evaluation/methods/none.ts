// The prompt alone: what every other method must beat.
import { engineMethod, noHistory } from '../engine-method.ts';

export const none = engineMethod({
  name: 'none',
  description: 'The prompt alone, without any history.',
  history: noHistory,
  request: { persona: 'none' },
});
