// Model packages that the command line names: NAME=DIR.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { PersonaPlugError } from '../../lib/errors.ts';
import { createFolderModelSource } from '../../model-package/folder-model-source.ts';
import type { PackagePlace } from '../load-evaluation-models.ts';

/** @throws PersonaPlugError `model-missing` for a folder without a manifest. */
export function packagePlaces(folders: ReadonlyMap<string, string>): Map<string, PackagePlace> {
  return new Map(
    [...folders].map(([name, folder]) => {
      if (!existsSync(path.join(folder, 'manifest.json'))) {
        throw new PersonaPlugError(
          'model-missing',
          `The package ${name} is not in ${folder}: there is no manifest.json. Give NAME=DIR with the folder of a model package.`,
          { details: { package: name, folder } },
        );
      }
      const absolute = path.resolve(folder);
      return [name, { source: createFolderModelSource(path.dirname(absolute)), name: path.basename(absolute) }];
    }),
  );
}
