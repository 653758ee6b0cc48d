// A personalizer whose engine has fakes for models, and whose trainings are real: the shipped models, jax-js in a worker.
import { createPersonalizer, type Personalizer, type TrainingSettings } from '../../src/index.ts';

/** Opens the history of a name; a checkpoint after every step unless told otherwise. */
export async function openPersonalizer(storageName: string, training: TrainingSettings = {}): Promise<Personalizer> {
  return await createPersonalizer({
    worker: new Worker(new URL('../history/persona.worker.ts', import.meta.url), { type: 'module' }),
    trainingWorker: () => new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' }),
    models: '/models/',
    storageName,
    training: { checkpointInterval: 0, ...training },
  });
}
