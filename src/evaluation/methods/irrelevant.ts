// A history that is irrelevant to the query: the gate should drop its persona (RPEval, arXiv 2601.16621).
import { anotherTasksHistory, engineMethod } from '../engine-method.ts';

export const irrelevant = engineMethod({
  name: 'irrelevant',
  description: 'The persona of a user of another task, where the gate opens.',
  history: anotherTasksHistory,
  request: { persona: 'auto' },
});
