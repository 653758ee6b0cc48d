// Checks the model files before anything leans on them.
import { DamagedModelError, researchModelsFolder, verifyModelPackages } from './model-packages.mjs';
import { CommandError, progressBar } from './terminal.mjs';

export async function checkModels() {
  const bar = progressBar('Checking the models by SHA-256');
  try {
    const packages = await verifyModelPackages({
      others: [researchModelsFolder()],
      onProgress: ({ done, total, label }) => bar.update(done, total, label),
    });
    bar.end(packages.map(({ name, revision }) => `${name} ${revision}`).join(', '));
  } catch (error) {
    bar.clear();
    throw error instanceof DamagedModelError ? new CommandError(error.message) : error;
  }
}
