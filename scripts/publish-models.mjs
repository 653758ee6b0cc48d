#!/usr/bin/env node
// Lays the shipped model packages out for a static host: `npx persona-plug-models public/models`.
import { DamagedModelError, publishModelPackages, verifyModelPackages } from './model-packages.mjs';

const [target, ...rest] = process.argv.slice(2);
if (target === undefined || target.startsWith('-') || rest.length > 0) {
  process.stderr.write(
    'Usage: persona-plug-models FOLDER\nFOLDER is where your host serves /models/ from, for example public/models.\n',
  );
  process.exit(2);
}
try {
  const packages = await verifyModelPackages();
  await publishModelPackages(packages, target);
  for (const { name, revision } of packages) process.stderr.write(`${name} ${revision}\n`);
  process.stderr.write(`${packages.length} model packages are in ${target}, each file checked by SHA-256.\n`);
} catch (error) {
  if (!(error instanceof DamagedModelError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
