import { PersonaPlugError } from '../lib/errors.ts';

/** Why a personalizer cannot train. */
export function noTrainingWorker(): PersonaPlugError {
  return new PersonaPlugError(
    'invalid-argument',
    'This personalizer has no worker to train in. Give createPersonalizer a trainingWorker, a function that starts a worker whose file calls serveTrainingWorker().',
  );
}
