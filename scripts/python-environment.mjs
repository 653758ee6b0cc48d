// The Python environment of training/: a virtual environment in a cache folder outside the clone.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { repository } from './repository.mjs';
import { CommandError, progressBar, say } from './terminal.mjs';
import { run } from './test-steps.mjs';

// 3.11 first: it is what the pins were tried with.
const candidates = ['python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3', 'python'];
const describe = `
import json, sys, tomllib
groups = tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]
def pins(name):
    for entry in groups[name]:
        yield from [entry] if isinstance(entry, str) else pins(entry["include-group"])
print(json.dumps({"version": ".".join(map(str, sys.version_info[:3])), "pins": sorted(set(pins("test")))}))
`;

/** The Python of an environment that holds the group `test` of pyproject.toml; makes it when there is none yet. */
export async function ensurePython() {
  const { program, version, pins } = findPython();
  const key = createHash('sha256')
    .update([version, ...pins].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const environment = path.join(cacheFolder(), `training-${key}`);
  if (!existsSync(environment)) await install(program, pins, environment);
  return { python: pythonOf(environment), environment };
}

function findPython() {
  for (const program of candidates) {
    try {
      // Without tomllib, that is before 3.11, this fails like a Python that is not there.
      const text = execFileSync(program, ['-c', describe], { cwd: repository, stdio: ['ignore', 'pipe', 'ignore'] });
      return { program, ...JSON.parse(text.toString()) };
    } catch {
      continue;
    }
  }
  throw new CommandError('There is no Python 3.11 or newer on the PATH. Install one; python3.11 is what was tried.');
}

function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'persona-plug');
}

/** Installs beside the place of the environment and then renames, so that an interrupted installation leaves nothing. */
async function install(program, pins, environment) {
  const partial = `${environment}.${process.pid}`;
  const bar = progressBar(`Installing ${pins.length} Python packages into ${environment}`);
  await mkdir(path.dirname(environment), { recursive: true });
  try {
    const pip = [pythonOf(partial), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...pins];
    for (const command of [[program, '-m', 'venv', partial], pip]) {
      if ((await run(command)) === 0) continue;
      throw new CommandError('The Python packages could not be installed; the output above says why.');
    }
    await rename(partial, environment);
    bar.end();
  } catch (error) {
    bar.clear();
    if (!existsSync(environment)) throw error;
    say(`${environment} was made by another run meanwhile.`);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function pythonOf(environment) {
  return process.platform === 'win32'
    ? path.join(environment, 'Scripts', 'python.exe')
    : path.join(environment, 'bin', 'python');
}
