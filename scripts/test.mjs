// `npm test`: installs what is missing, then the gates, unit tests and browser tests. Its last line is
// `N passed, N failed, N skipped`, summed over both test runners.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, installMissing } from './dependencies.mjs';
import { checkModels } from './models.mjs';
import { CommandError, say } from './terminal.mjs';
import { countPlaywright, countVitest } from './test-counts.mjs';
import { runSteps } from './test-steps.mjs';

const usage = `npm test -- [--unit] [--e2e] [--allow-skips]
  --unit         only the gates and the unit tests
  --e2e          only the site's build and the browser tests
  --allow-skips  a WebGPU test that could not run counts as skipped, not as failed`;

async function main() {
  const options = readArguments();
  checkNode();
  await installMissing();
  await checkModels();
  const reports = await mkdtemp(path.join(tmpdir(), 'persona-plug-test-'));
  try {
    const steps = [
      ...(options.e2e && !options.unit ? [] : unitSteps(reports)),
      ...(options.unit && !options.e2e ? [] : browserSteps(reports, options)),
    ];
    const counts = await runSteps(steps);
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
    if (counts.failed > 0) process.exitCode = 1;
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

/** Titles and scripts of package.json, the cheap ones first. */
const gates = [
  ['Format', 'format:check'],
  ['Types', 'types'],
  ['Lint', 'lint'],
  ['Layers', 'layers'],
  ['Words to avoid', 'words'],
  ['Unused code', 'unused'],
  ['Build of the library', 'build:library'],
  ['Package', 'package'],
  ['Size', 'size'],
];

function unitSteps(reports) {
  const report = path.join(reports, 'vitest.json');
  return [
    ...gates.map(([title, script]) => ({ title, command: ['npm', 'run', script] })),
    {
      title: 'Unit tests',
      command: ['npx', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      count: async (code) => await countVitest(report, code),
    },
  ];
}

function browserSteps(reports, options) {
  const report = path.join(reports, 'playwright.json');
  return [
    { title: 'Build of the site', command: ['npm', 'run', 'build:site'] },
    {
      title: 'Browser tests',
      command: ['npx', 'playwright', 'test', '--reporter=list,json'],
      prepare: async () => {
        const { ensureBrowser } = await import('./browser.mjs');
        return { PERSONA_PLUG_CHROMIUM: await ensureBrowser(say), PLAYWRIGHT_JSON_OUTPUT_FILE: report };
      },
      count: async (code) => await countPlaywright(report, code, { allowSkips: options['allow-skips'] }),
    },
  ];
}

function readArguments() {
  const isSet = { type: 'boolean', default: false };
  try {
    return parseArgs({ options: { unit: isSet, e2e: isSet, 'allow-skips': isSet } }).values;
  } catch (error) {
    throw new CommandError(`${error.message}\n\n${usage}`, 2);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
