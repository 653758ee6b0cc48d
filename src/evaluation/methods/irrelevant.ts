// RecalledHistory that has nothing to say: the gate should drop it (RPEval, arXiv 2601.16621).
import { anotherTasksHistory, engineMethod } from '../engine-method.ts';

export const irrelevant = engineMethod({
  name: 'irrelevant',
  description: "The history of another task's user, behind the gate.",
  history: anotherTasksHistory,
  request: { persona: 'auto' },
});
