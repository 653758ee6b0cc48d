// Another plug in place of the one that ships.
import { engineMethod, ownHistory } from '../engine-method.ts';

/** The plug that was loaded under this name, gate forced open, since a plug under comparison may have no trained gate. */
export const plugPackage = (name: string, plug: string, description: string) =>
  engineMethod({ name, description, plug, history: ownHistory, request: { persona: 'always' } });

/** Instruction rows alone: the gain of the task's rows without any history. */
export const instruction = plugPackage(
  'instruction',
  'plug-instruction',
  "The task's instruction rows alone, no persona rows (a plug trained without them).",
);

/** PPlug as published: one persona row, no temperature, no decay, no gate. */
export const personaPplug = plugPackage(
  'persona-pplug',
  'plug-pplug',
  'PPlug as published: one row, plain attention, no gate.',
);
