// The product as it ships: her persona where the gate finds it of use (PPlug, arXiv 2409.11901, with a gate).
import { engineMethod, newestOfOwnHistory, ownHistory } from '../engine-method.ts';

export const persona = engineMethod({
  name: 'persona',
  description: 'Her persona where the gate finds it of use, else the prompt alone.',
  history: ownHistory,
  request: { persona: 'auto' },
});

/** A user who has only just come: her newest `count` items. */
export const personaOfNewest = (count: number) =>
  engineMethod({
    name: `persona@${count}`,
    description: `The persona of her newest ${count} items before the query.`,
    history: newestOfOwnHistory(count),
    request: { persona: 'auto' },
  });
