// The model packages that golden tests run on: `models/`, or the folder that PERSONA_PLUG_MODELS names. Node only.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createFolderModelSource } from '../model-package/folder-model-source.ts';
import type { ModelSource } from '../model-package/model-source.ts';

export interface GoldenModels {
  readonly source: ModelSource;
  /** Null when all packages are there, else why the tests must skip; said aloud once. */
  readonly missing: string | null;
}

export function goldenModels(...packages: readonly string[]): GoldenModels {
  const folder = process.env['PERSONA_PLUG_MODELS'] ?? 'models';
  const absent = packages.filter((name) => !existsSync(join(folder, name, 'manifest.json')));
  const missing = absent.length === 0 ? null : `the model packages ${absent.join(', ')} are not in ${folder}`;
  if (missing !== null) console.warn(`SKIPPED, golden tests: ${missing}. Run the export of training/ to have them.`);
  return { source: createFolderModelSource(folder), missing };
}
