// Runs the steps of a test command one after the other and sums what they counted.
import { spawn } from 'node:child_process';
import { repository } from './repository.mjs';
import { say } from './terminal.mjs';
import { addCounts } from './test-counts.mjs';

/**
 * Runs all steps even after a failure, so that one run reports everything. A step is `{ title, command, prepare?, count? }`: `prepare`
 * resolves to environment variables; `count` reads the counts of a test runner from its report, by exit code. A step without it
 * counts only when it fails, so that a red run never ends with `0 failed`.
 */
export async function runSteps(steps) {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  const results = [];
  for (const [index, step] of steps.entries()) {
    say(`\n── ${index + 1} of ${steps.length}: ${step.title} ──`);
    const start = performance.now();
    const { code, problem } = await runStep(step);
    const hasReport = step.count !== undefined && problem === null;
    const found = hasReport ? await step.count(code) : { passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    counts = addCounts(counts, found);
    const seconds = ((performance.now() - start) / 1_000).toFixed(0);
    results.push(
      `${found.failed === 0 ? 'ok    ' : 'FAILED'} ${step.title} (${seconds} s)${problem === null ? '' : `: ${problem}`}`,
    );
  }
  say(`\n${results.join('\n')}`);
  return counts;
}

async function runStep(step) {
  try {
    const environment = await step.prepare?.();
    return { code: await run(step.command, { env: { ...process.env, ...environment } }), problem: null };
  } catch (error) {
    return { code: 1, problem: error.message };
  }
}

/** Runs a command in the repository, its output on stderr, and resolves to its exit code. Rejects where it cannot be started. */
export async function run([program, ...parameters], options = {}) {
  const child = spawn(program, parameters, {
    cwd: repository,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    ...options,
  });
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
