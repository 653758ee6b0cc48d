// What `npm pack` makes of a folder: the tarball, and which files it holds.
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PackedPackage {
  readonly tarball: string;
  readonly bytes: number;
  /** Paths inside the package, sorted. */
  readonly files: readonly string[];
}

/** Packs `folder` into `destination`, an empty folder. */
export async function packPackage(folder: string, destination: string): Promise<PackedPackage> {
  await run('npm', ['pack', '--pack-destination', destination], { cwd: folder });
  const [name = ''] = await readdir(destination);
  const tarball = path.join(destination, name);
  const { stdout } = await run('tar', ['-tzf', tarball]);
  return {
    tarball,
    bytes: (await stat(tarball)).size,
    files: stdout
      .trim()
      .split('\n')
      .map((file) => file.replace('package/', ''))
      .sort(),
  };
}
