// Installs the packages that node_modules lacks, in exactly the versions of package-lock.json.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from './repository.mjs';
import { CommandError, progressBar } from './terminal.mjs';

const networkErrors =
  /E(?:NOTFOUND|AI_AGAIN|TIMEDOUT|CONNREFUSED|CONNRESET|NETUNREACH|HOSTUNREACH|SOCKETTIMEDOUT)|ERR_SOCKET_TIMEOUT|network/;

/** Refuses a Node that is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new CommandError(`Node ${process.versions.node} is too old: persona-plug needs 20.19 or newer.`);
}

/**
 * Installs when a locked package is missing or has another version. Not by `npm ci`: that refuses a lock without the
 * optional packages of every platform, and a registry need not have them all.
 */
export async function installMissing() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const bar = progressBar(`Installing ${missing.length} packages`);
  const { code, errors } = await npmInstall((fetched) => bar.update(Math.min(fetched, missing.length), missing.length));
  if (code === 0) {
    bar.end();
    return;
  }
  bar.clear();
  const [, networkError] = /(E[A-Z_]{5,})/.exec(errors) ?? [];
  if (networkErrors.test(errors)) {
    throw new CommandError(
      `The packages could not be fetched: the npm registry cannot be reached (${networkError ?? 'network error'}). ` +
        'Connect to the network and run this again; afterwards no network is needed.',
    );
  }
  throw new CommandError(`npm install ended with code ${code}:\n${errors.trim().split('\n').slice(-12).join('\n')}`);
}

/** Locked packages that node_modules lacks; optional ones are for other machines. */
function missingPackages() {
  const locked = readLock(path.join(repository, 'package-lock.json'));
  const installed = readLock(path.join(repository, 'node_modules/.package-lock.json'));
  if (locked === null) throw new CommandError('package-lock.json is missing or damaged. Get a complete checkout.');
  return Object.entries(locked).filter(
    ([location, entry]) =>
      location !== '' && entry.optional !== true && installed?.[location]?.version !== entry.version,
  );
}

function readLock(location) {
  try {
    return JSON.parse(readFileSync(location, 'utf8')).packages;
  } catch {
    return null;
  }
}

async function npmInstall(onFetched) {
  // npm gives its path to the scripts that it runs.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') === true ? [process.execPath, [npm]] : ['npm', []];
  const options = [
    'install',
    '--no-save',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=http',
    '--fetch-retries=1',
  ];
  const child = spawn(command, [...first, ...options], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  });
  let fetched = 0;
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    fetched += text.match(/http (?:fetch|cache)/g)?.length ?? 0;
    errors += text
      .split('\n')
      .filter((line) => !/http (?:fetch|cache).* 200 /.test(line))
      .join('\n');
    onFetched(fetched);
  });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      errors += error.message;
      resolve(1);
    });
    child.on('close', resolve);
  });
  return { code, errors };
}
