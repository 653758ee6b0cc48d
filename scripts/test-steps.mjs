// Runs the steps of a test command one after the other and sums what they counted.
import { spawn } from 'node:child_process';
import { repository } from './repository.mjs';
import { say } from './terminal.mjs';
import { addCounts } from './test-counts.mjs';

/**
 * Runs all steps, also after a failure: one run tells everything. A step is `{ title, command, count }`; `count` reads
 * the counts of a test runner from its report, by exit code. A step without it counts only when it fails.
 */
export async function runSteps(steps) {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  const results = [];
  for (const [index, step] of steps.entries()) {
    say(`\n── ${index + 1} of ${steps.length}: ${step.title} ──`);
    const start = performance.now();
    const code = await run(step.command);
    const found = (await step.count?.(code)) ?? { passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    counts = addCounts(counts, found);
    const seconds = ((performance.now() - start) / 1_000).toFixed(0);
    results.push(`${found.failed === 0 ? 'ok    ' : 'FAILED'} ${step.title} (${seconds} s)`);
  }
  say(`\n${results.join('\n')}`);
  return counts;
}

/** Runs a command in the repository, its output on stderr; its exit code, 127 where it cannot be started. */
export async function run([program, ...parameters], options = {}) {
  const child = spawn(program, parameters, { cwd: repository, stdio: ['ignore', 2, 2], ...options });
  return await new Promise((resolve) => {
    child.on('error', (error) => {
      say(error.message);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}
