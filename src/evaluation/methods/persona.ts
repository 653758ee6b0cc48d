// The package's default: the user's persona where the gate opens (PPlug, arXiv 2409.11901, with a gate).
import { engineMethod, newestOfOwnHistory, ownHistory } from '../engine-method.ts';

export const persona = engineMethod({
  name: 'persona',
  description: "The user's persona where the gate opens, else the prompt alone.",
  history: ownHistory,
  request: { persona: 'auto' },
});

/** The persona of a new user: of the newest `count` items only. */
export const personaOfNewest = (count: number) =>
  engineMethod({
    name: `persona@${count}`,
    description: `The persona of the user's newest ${count} items before the query.`,
    history: newestOfOwnHistory(count),
    request: { persona: 'auto' },
  });
