// Builds the demo site when its sources changed, and serves the build with the strict policy.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { findModelPackages, modelIndex } from './model-packages.mjs';
import { repository } from './repository.mjs';
import { CommandError, progressBar } from './terminal.mjs';

const host = '127.0.0.1';
const stampFile = path.join(repository, 'node_modules/.cache/site.stamp');
const sources = ['src', 'site', 'public', 'vite.config.ts', 'package-lock.json', 'scripts/model-packages.mjs'];

/** Builds dist-site unless it was built from the same sources and models. */
export async function buildSite() {
  const stamp = await hashSources();
  const built = await readFile(stampFile, 'utf8').catch(() => '');
  if (built === stamp && existsSync(path.join(repository, 'dist-site/index.html'))) return;
  const bar = progressBar('Building the page');
  const ticker = setInterval(() => bar.update(0, null), 200);
  try {
    const { build } = await import('vite');
    await build({ configFile: path.join(repository, 'vite.config.ts'), logLevel: 'error' });
  } catch (error) {
    bar.clear();
    throw new CommandError(`The page could not be built: ${error.message}`);
  } finally {
    clearInterval(ticker);
  }
  await mkdir(path.dirname(stampFile), { recursive: true });
  await writeFile(stampFile, stamp);
  bar.end();
}

/** Serves dist-site on exactly this port. Returns its address and a function that stops it. */
export async function serveSite(port) {
  await refuseTakenPort(port);
  const { preview } = await import('vite');
  const server = await preview({
    configFile: path.join(repository, 'vite.config.ts'),
    logLevel: 'error',
    preview: { host, port, strictPort: true },
  });
  return { url: `http://${host}:${port}/`, close: async () => await server.close() };
}

/** @throws CommandError when the port is taken. */
export async function refuseTakenPort(port) {
  try {
    await listen(port);
  } catch (error) {
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
    throw new CommandError(
      `Port ${port} of ${host} is taken (${error.code}). The history in the browser belongs to this port, so no ` +
        `other is used: stop what listens there (\`lsof -i :${port}\` names it), then run this again.`,
    );
  }
}

/** A port that nothing listens on. */
export async function freePort() {
  return await listen(0);
}

async function listen(port) {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address();
      server.close(() => resolve(found));
    });
  });
}

async function hashSources() {
  const hash = createHash('sha256');
  for (const source of sources) await hashInto(hash, path.join(repository, source));
  hash.update(JSON.stringify(modelIndex(await findModelPackages())));
  return hash.digest('hex');
}

async function hashInto(hash, location) {
  const entries = await readdir(location, { withFileTypes: true }).catch(() => null);
  if (entries === null) {
    hash.update(path.relative(repository, location)).update(await readFile(location));
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!/\.test\.tsx?$/.test(entry.name)) await hashInto(hash, path.join(location, entry.name));
  }
}
