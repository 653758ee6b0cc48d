// The model packages that golden tests run on: those of `models/` and `research-models/`, or of the folders that PERSONA_PLUG_MODELS
// and PERSONA_PLUG_RESEARCH_MODELS name. Node only.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createFolderModelSource } from '../../model-package/folder-model-source.ts';
import type { ModelSource } from '../../model-package/model-source.ts';

export interface GoldenModels {
  readonly source: ModelSource;
  /** Null when all packages are there, else why the tests are skipped, which a warning on the console says too. */
  readonly missing: string | null;
}

/** The folder of models that ship, and that of golden vectors and controls. An export may have both in one folder. */
export function modelFolders(): string[] {
  const models = process.env['PERSONA_PLUG_MODELS'];
  const research = process.env['PERSONA_PLUG_RESEARCH_MODELS'] ?? models;
  return [models ?? 'models', research ?? 'research-models'];
}

/** The folder of the golden package. */
export function goldenFolder(): string {
  const folders = modelFolders().map((folder) => join(folder, 'golden'));
  return folders.find((folder) => existsSync(join(folder, 'manifest.json'))) ?? folders.at(-1) ?? '';
}

export function goldenModels(...packages: readonly string[]): GoldenModels {
  const folders = modelFolders();
  const absent = packages.filter((name) => !folders.some((folder) => existsSync(join(folder, name, 'manifest.json'))));
  const missing =
    absent.length === 0 ? null : `the model packages ${absent.join(', ')} are not in ${folders.join(', ')}`;
  if (missing !== null) console.warn(`SKIPPED, golden tests: ${missing}. Run the export of training/ to have them.`);
  return { source: createFolderModelSource(...folders), missing };
}
