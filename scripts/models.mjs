// Checks the model files before they are used.
import path from 'node:path';
import {
  DamagedModelError,
  findModelPackages,
  missingModelPackages,
  modelsFolder,
  researchModelsFolder,
  verifyModelPackages,
} from './model-packages.mjs';
import { CommandError, progressBar } from './terminal.mjs';

export async function checkModels() {
  const packages = await findModelPackages(modelsFolder(), researchModelsFolder());
  const [missing] = missingModelPackages(packages);
  if (missing !== undefined) {
    throw new CommandError(
      `The model package ${missing} is missing: there is no ${path.join(modelsFolder(), missing, 'manifest.json')}. ` +
        'Get a complete checkout.',
    );
  }
  const bar = progressBar('Checking the models by SHA-256');
  try {
    await verifyModelPackages(packages, {
      onProgress: ({ done, total, label }) => bar.update(done, total, label),
    });
    bar.end(packages.map(({ name, revision }) => `${name} ${revision}`).join(', '));
  } catch (error) {
    bar.clear();
    throw error instanceof DamagedModelError ? new CommandError(error.message) : error;
  }
}
