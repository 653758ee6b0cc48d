// Model packages on disk: which there are, under which revision they are served, and whether their files are undamaged.
// Without dependencies, since it runs before anything is installed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const shippedModels = fileURLToPath(new URL('../models', import.meta.url));
const researchModels = fileURLToPath(new URL('../research-models', import.meta.url));

/** The folder of the model packages; PERSONA_PLUG_MODELS overrides the one that ships. */
export function modelsFolder() {
  const override = process.env.PERSONA_PLUG_MODELS;
  return override === undefined || override === '' ? shippedModels : path.resolve(override);
}

/** The folder of golden vectors and controls, which do not ship; PERSONA_PLUG_RESEARCH_MODELS overrides it. */
export function researchModelsFolder() {
  const override = process.env.PERSONA_PLUG_RESEARCH_MODELS || process.env.PERSONA_PLUG_MODELS;
  return override === undefined || override === '' ? researchModels : path.resolve(override);
}

/** Where an application that runs in `folder` may have installed model packages, the nearest place first. */
export function installedModelsFolders(folder) {
  const places = createRequire(path.join(folder, 'package.json')).resolve.paths('@persona-plug') ?? [];
  return places.map((place) => path.join(place, '@persona-plug'));
}

/** Finds the packages of folders: every subfolder with a manifest.json, sorted by name. Of one name, the first folder's counts. */
export async function findModelPackages(...folders) {
  const wanted = folders.length === 0 ? [modelsFolder()] : folders;
  const found = (await Promise.all(wanted.map(packagesOf))).flat();
  const packages = new Map(found.toReversed().map((modelPackage) => [modelPackage.name, modelPackage]));
  return [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function packagesOf(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const packages = [];
  for (const entry of entries) {
    const packageFolder = path.join(folder, entry.name);
    const bytes = await readFile(path.join(packageFolder, 'manifest.json')).catch(() => null);
    if (bytes === null) continue;
    packages.push({
      name: entry.name,
      folder: packageFolder,
      bytes,
      // A changed file changes its hash in the manifest, and so the revision and every URL.
      revision: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    });
  }
  return packages;
}

/** The files of a package that may be served: the manifest and what it lists. */
export function filesOfPackage(modelPackage) {
  return JSON.parse(modelPackage.bytes.toString('utf8')).files;
}

/** The content of `index.json`: the current folder of each package. */
export function modelIndex(packages) {
  return {
    schemaVersion: 1,
    packages: Object.fromEntries(
      packages.map(({ name, revision }) => [name, { revision, path: `${name}/resolve/${revision}/` }]),
    ),
  };
}

/** Writes packages as a host serves them: `index.json`, and each file under its package's revision. */
export async function publishModelPackages(packages, target) {
  await mkdir(target, { recursive: true });
  for (const modelPackage of packages) {
    const files = ['manifest.json', ...filesOfPackage(modelPackage).map((file) => file.path)];
    for (const file of files) {
      const destination = path.join(target, modelPackage.name, 'resolve', modelPackage.revision, file);
      await mkdir(path.dirname(destination), { recursive: true });
      await copyFile(path.join(modelPackage.folder, file), destination);
    }
  }
  // Written last, when all files of the new revisions are there.
  await writeFile(path.join(target, 'index.json'), JSON.stringify(modelIndex(packages)));
}

/** A model file that is missing or not what its manifest says. */
export class DamagedModelError extends Error {
  constructor(message) {
    super(message);
    this.name = 'DamagedModelError';
  }
}

/** What an engine loads unless it is told otherwise. */
const defaultPackages = ['all-minilm-l6-v2', 'nano-llm', 'plug'];

/** The default packages that are not among `packages`. */
export function missingModelPackages(packages) {
  return defaultPackages.filter((wanted) => !packages.some(({ name }) => name === wanted));
}

/**
 * Checks every file of every package by size and SHA-256. `onProgress({ label, done, total })` counts bytes.
 * Throws DamagedModelError: which file, expected and found hash.
 */
export async function verifyModelPackages(packages, { onProgress = () => {} } = {}) {
  const files = packages.flatMap((modelPackage) =>
    manifestFiles(modelPackage).map((file) => ({ ...file, location: path.join(modelPackage.folder, file.path) })),
  );
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const file of files) {
    const label = path.relative(process.cwd(), file.location);
    const found = await hashFile(file.location, (bytes) => onProgress({ label, done: done + bytes, total }));
    if (found.sha256 !== file.sha256) {
      const what = found.bytes === null ? 'is missing' : 'is damaged';
      throw new DamagedModelError(
        `The model file ${label} ${what}: expected SHA-256 ${file.sha256} (${file.bytes} bytes), ` +
          `found ${found.sha256 ?? 'nothing'}${found.bytes === null ? '' : ` (${found.bytes} bytes)`}. ` +
          `Restore it, for example with: ${isInstalled(file.location) ? 'npm ci' : `git checkout -- ${label}`}`,
      );
    }
    done += file.bytes;
    onProgress({ label, done, total });
  }
}

function isInstalled(location) {
  return location.split(path.sep).includes('node_modules');
}

function manifestFiles(modelPackage) {
  try {
    return filesOfPackage(modelPackage);
  } catch (error) {
    throw new DamagedModelError(
      `The manifest ${path.join(modelPackage.folder, 'manifest.json')} is not JSON (${error.message}). ` +
        'Restore it from the repository.',
    );
  }
}

async function hashFile(location, onBytes) {
  if ((await stat(location).catch(() => null)) === null) return { sha256: null, bytes: null };
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(location, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
  }
  return { sha256: hash.digest('hex'), bytes };
}
