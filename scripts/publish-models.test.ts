// The models as npm publishes them, and how an application lays them out for its host.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOfPackage, findModelPackages, type ModelPackageOnDisk } from './model-packages.mjs';
import { packPackage, type PackedPackage } from './packed-package.ts';

const scripts = fileURLToPath(new URL('.', import.meta.url));
const modelPackages = await findModelPackages(path.join(scripts, '../models'));
let scratch: string;
const packed = new Map<string, PackedPackage>();

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'persona-plug-models-'));
  // Away from the models of the checkout, as in node_modules.
  for (const file of ['publish-models.mjs', 'model-packages.mjs']) {
    await cp(path.join(scripts, file), path.join(scratch, 'persona-plug', file));
  }
  for (const { name, folder } of modelPackages) {
    await mkdir(path.join(scratch, name));
    packed.set(name, await packPackage(folder, path.join(scratch, name)));
  }
});

afterAll(async () => await rm(scratch, { recursive: true, force: true }));

async function readJson(folder: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path.join(folder, name), 'utf8'));
}

/** manifest.json and all that it lists. */
function listedFiles(modelPackage: ModelPackageOnDisk): string[] {
  return ['manifest.json', ...filesOfPackage(modelPackage).map((file) => file.path)].sort();
}

describe.each(modelPackages)('the package $name', (modelPackage) => {
  test('says what its manifest says', async () => {
    const manifest = await readJson(modelPackage.folder, 'manifest.json');
    expect(await readJson(modelPackage.folder, 'package.json')).toMatchObject({
      name: `@persona-plug/${modelPackage.name}`,
      version: manifest['version'],
      description: manifest['description'],
      license: manifest['licence'],
    });
  });

  test('is packed with exactly the files of its manifest', () => {
    const files = packed.get(modelPackage.name)?.files.filter((file) => file !== 'package.json');
    expect(files).toEqual(listedFiles(modelPackage));
  });
});

function publish(folder: string): { code: number | null; output: string } {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(scratch, 'persona-plug/publish-models.mjs'), 'public/models'],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PERSONA_PLUG_MODELS: '' },
    },
  );
  return { code: status, output: stderr };
}

describe('persona-plug-models', () => {
  let application: string;

  beforeAll(async () => {
    application = path.join(scratch, 'application');
    await mkdir(application);
    await writeFile(path.join(application, 'package.json'), '{ "private": true }');
  });

  test('names the line that installs what is missing', () => {
    const { code, output } = publish(application);
    expect(code).toBe(1);
    expect(output).toContain(`npm install ${modelPackages.map(({ name }) => `@persona-plug/${name}`).join(' ')}\n`);
  });

  test('lays out the installed packages, from a folder below as well', async () => {
    const tarballs = [...packed.values()].map(({ tarball }) => tarball);
    spawnSync('npm', ['install', '--no-save', '--offline', '--no-audit', ...tarballs], { cwd: application });
    const below = path.join(application, 'apps/page');
    await mkdir(below, { recursive: true });
    expect(publish(below)).toMatchObject({ code: 0 });
    const index = await readJson(path.join(below, 'public/models'), 'index.json');
    for (const modelPackage of modelPackages) {
      const { name, revision } = modelPackage;
      expect(index).toHaveProperty(['packages', name, 'revision'], revision);
      for (const file of listedFiles(modelPackage)) {
        const published = await readFile(path.join(below, 'public/models', name, 'resolve', revision, file));
        expect(published.equals(await readFile(path.join(modelPackage.folder, file)))).toBe(true);
      }
    }
  });

  test('refuses a file that is not what its manifest says', async () => {
    const folder = path.join(application, 'node_modules/@persona-plug/plug');
    await writeFile(path.join(folder, 'plug.safetensors'), 'damaged');
    const { code, output } = publish(application);
    expect(code).toBe(1);
    expect(output).toContain('plug.safetensors is damaged');
    expect(output).toContain('npm ci');
  });
});
