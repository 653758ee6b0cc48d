// Counts passed, failed and skipped tests in the reports of vitest and Playwright.
import { readFile } from 'node:fs/promises';
import { say } from './terminal.mjs';

export function addCounts(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** Counts of vitest's JSON report; a run that failed outside of its tests has at least one failure. */
export async function countVitest(report, exitCode) {
  const result = await readReport(report);
  return withExitCode(vitestCounts(result), exitCode);
}

/** Counts of Playwright's JSON report. A WebGPU test that could not run is a failure, unless skips are allowed. */
export async function countPlaywright(report, exitCode, { allowSkips }) {
  const result = await readReport(report);
  return withExitCode(playwrightCounts(result, allowSkips, say), exitCode);
}

export function vitestCounts(result) {
  return {
    passed: result?.numPassedTests ?? 0,
    failed: result?.numFailedTests ?? 0,
    skipped: (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0),
  };
}

export function playwrightCounts(result, allowSkips, tell) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { spec, test } of testsOf(result?.suites ?? [])) {
    if (test.status === 'expected') counts.passed += 1;
    // A flaky test counts as failed.
    else if (test.status !== 'skipped') counts.failed += 1;
    else if (!allowSkips && needsWebgpu(spec, test)) {
      counts.failed += 1;
      tell(`FAILED, could not run: ${spec.file} › ${spec.title}. Allow it with: npm test -- --allow-skips`);
    } else counts.skipped += 1;
  }
  return counts;
}

function needsWebgpu(spec, test) {
  const words = [
    spec.title,
    ...(spec.tags ?? []),
    ...(test.annotations ?? []).map(({ description }) => description ?? ''),
  ];
  return words.some((text) => /webgpu/i.test(text));
}

function* testsOf(suites) {
  for (const suite of suites) {
    for (const spec of suite.specs ?? []) for (const test of spec.tests) yield { spec, test };
    yield* testsOf(suite.suites ?? []);
  }
}

function withExitCode(counts, exitCode) {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

async function readReport(location) {
  try {
    return JSON.parse(await readFile(location, 'utf8'));
  } catch {
    return null;
  }
}
