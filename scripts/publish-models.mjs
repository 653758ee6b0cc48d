#!/usr/bin/env node
// Lays the model packages of an application out for a static host: `npx persona-plug-models public/models`.
import {
  DamagedModelError,
  findModelPackages,
  installedModelsFolders,
  missingModelPackages,
  publishModelPackages,
  verifyModelPackages,
} from './model-packages.mjs';

const [target, ...rest] = process.argv.slice(2);
if (target === undefined || target.startsWith('-') || rest.length > 0) {
  fail(
    'Usage: persona-plug-models FOLDER\nFOLDER is where your host serves /models/ from, for example public/models.',
    2,
  );
}
// A checkout holds the models; an application installs them.
let packages = await findModelPackages();
if (packages.length === 0) packages = await findModelPackages(...installedModelsFolders(process.cwd()));
const missing = missingModelPackages(packages);
if (missing.length > 0) {
  fail(
    `${process.cwd()} has no model package ${missing.join(', ')} in node_modules/@persona-plug. ` +
      `Install what is missing: npm install ${missing.map((name) => `@persona-plug/${name}`).join(' ')}`,
    1,
  );
}
try {
  await verifyModelPackages(packages);
} catch (error) {
  if (!(error instanceof DamagedModelError)) throw error;
  fail(error.message, 1);
}
await publishModelPackages(packages, target);
for (const { name, revision } of packages) process.stderr.write(`${name} ${revision}\n`);
process.stderr.write(`${packages.length} model packages are in ${target}, each file checked by SHA-256.\n`);

function fail(message, exitCode) {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}
