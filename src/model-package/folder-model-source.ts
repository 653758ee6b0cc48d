// Model packages in a folder, for Node (evaluation, tests, the command line). Imports node:, so it is never bundled for a page.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PersonaPlugError } from '../lib/errors.ts';
import type { ModelSource, ReadOptions } from './model-source.ts';
import { checkFile, openModelPackage } from './open-model-package.ts';

/**
 * A source that reads `<folder>/<name>/manifest.json` and the files beside it; each file is checked on each read. A package is
 * taken from the first of the folders that has it.
 *
 * @example
 * ```ts
 * const models = createFolderModelSource('models');
 * const embedder = await models.open('all-minilm-l6-v2', 'embedder');
 * ```
 */
export function createFolderModelSource(...folders: readonly string[]): ModelSource {
  return {
    async open(name, kind, options = {}) {
      if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) throw missing(name, folders.join(', '));
      const folder = folders.find((one) => existsSync(join(one, name, 'manifest.json'))) ?? folders[0] ?? '';
      return openModelPackage({
        name,
        kind,
        baseUrl: null,
        manifestBytes: await read(join(folder, name, 'manifest.json'), options, name, folder),
        async read(file, readOptions) {
          const where = `${name}/${file.path}`;
          const content = await read(join(folder, name, file.path), readOptions, where, folder);
          const damage = await checkFile(file, content, where);
          if (damage !== null) throw damage;
          return content;
        },
      });
    },
  };
}

async function read(
  path: string,
  { signal }: ReadOptions,
  what: string,
  folder: string,
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  try {
    // Copied into a buffer of its own, since Node reads small files into a shared pool.
    return Uint8Array.from(await readFile(path, { signal }));
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') throw missing(what, folder, cause);
    throw cause;
  }
}

function missing(what: string, folder: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError(
    'model-missing',
    `${what} is not in the models folder ${folder}. Check the name, or export the package with training/.`,
    { cause, details: { file: what } },
  );
}
