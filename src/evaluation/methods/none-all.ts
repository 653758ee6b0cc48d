// Another language model without a history, e.g. one that was trained on twice as many users, which a persona should beat.
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

/** A language model that was also trained on the users that the plug was trained on. */
export const noneAll = noneWith('all');
