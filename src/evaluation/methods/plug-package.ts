// Another plug in the place of the one that ships.
import { engineMethod, ownHistory } from '../engine-method.ts';

/** The plug that was loaded under this name, gate forced open: a plug under comparison has no gate that was trained for it. */
export const plugPackage = (name: string, plug: string, description: string) =>
  engineMethod({ name, description, plug, history: ownHistory, request: { persona: 'always' } });

/** Instruction rows alone: what the task's rows are worth without any history. */
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
