// Another language model without a history, e.g. one that learnt from twice as many users: what a persona has to be worth.
import { engineMethod, noHistory } from '../engine-method.ts';

/** `none` with the language model that was loaded under this name. */
export const noneWith = (languageModel: string) =>
  engineMethod({
    name: `none-${languageModel}`,
    description: `The prompt alone, answered by the language model "${languageModel}".`,
    history: noHistory,
    languageModel,
    request: { persona: 'none' },
  });

/** A language model tuned on the users that the plug learnt from, too. */
export const noneAll = noneWith('all');
