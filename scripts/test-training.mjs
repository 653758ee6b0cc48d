// `npm run test:training`: lint, format, types, import direction and tests of training/. Its last line is
// `N passed, N failed, N skipped`. Python packages are installed into a cache folder on the first run.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePython } from './python-environment.mjs';
import { CommandError, say } from './terminal.mjs';
import { runSteps } from './test-steps.mjs';

const usage = `npm run test:training -- [--slow]
  --slow  also the tests that take long; they count as skipped otherwise`;

async function main() {
  const { slow } = readArguments();
  const { python, environment } = await ensurePython();
  const reports = await mkdtemp(path.join(tmpdir(), 'persona-plug-training-'));
  try {
    const report = path.join(reports, 'pytest.xml');
    const lintImports = 'from importlinter.cli import lint_imports_command; lint_imports_command()';
    const counts = await runSteps([
      { title: 'Lint', command: [python, '-m', 'ruff', 'check', '--no-cache', 'training'] },
      { title: 'Format', command: [python, '-m', 'ruff', 'format', '--no-cache', '--check', 'training'] },
      { title: 'Types', command: [python, '-m', 'mypy', '--cache-dir', path.join(environment, 'mypy-cache')] },
      { title: 'Import direction', command: [python, '-c', lintImports, '--no-cache'] },
      {
        title: 'Tests',
        command: [python, '-m', 'pytest', '-q', `--junitxml=${report}`, ...(slow ? ['--slow'] : [])],
        count: async (code) => await countPytest(report, code),
      },
    ]);
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
    if (counts.failed > 0) process.exitCode = 1;
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

/** Counts of pytest's JUnit report; a run that broke before or beside its tests has at least one failure. */
async function countPytest(report, exitCode) {
  const text = await readFile(report, 'utf8').catch(() => '');
  const [suite = ''] = /<testsuite [^>]*>/.exec(text) ?? [];
  const [tests, failures, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0),
  );
  const failed = failures + errors;
  return { passed: tests - failed - skipped, failed: exitCode !== 0 && failed === 0 ? 1 : failed, skipped };
}

function readArguments() {
  try {
    return parseArgs({ options: { slow: { type: 'boolean', default: false } } }).values;
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
